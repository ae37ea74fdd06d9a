-- Delete old reports of providers: one page, the oldest first. In and out as delete_ledger_rows.sql says.
WITH cutoff AS MATERIALIZED (
    SELECT least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int) AS at
),
page AS MATERIALIZED (
    SELECT provider, report_id, received_at
    FROM fanout.provider_reports
    WHERE received_at < (SELECT at FROM cutoff)
    -- The first part lets the index find where the page begins, in any plan.
    AND received_at >= coalesce((%(after)s::jsonb ->> 0)::timestamptz, '-infinity')
    AND (received_at, provider, report_id) > (
        coalesce((%(after)s::jsonb ->> 0)::timestamptz, '-infinity'),
        coalesce(%(after)s::jsonb ->> 1, ''),
        coalesce(%(after)s::jsonb ->> 2, '')
    )
    ORDER BY received_at, provider, report_id
    LIMIT %(most)s::int
),
deleted AS (
    DELETE FROM fanout.provider_reports AS report
    USING page
    WHERE NOT %(dry_run)s::boolean
    AND report.provider = page.provider
    AND report.report_id = page.report_id
    RETURNING true
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM page) AS due,
       (SELECT count(*) FROM deleted) AS deleted,
       0::bigint AS kept,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT jsonb_build_array(received_at, provider, report_id)::text
           FROM page
           ORDER BY received_at DESC, provider DESC, report_id DESC
           LIMIT 1
       ) END AS cursor
