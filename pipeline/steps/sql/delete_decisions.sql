-- Delete old decisions: one page, by primary key. In and out as delete_ledger_rows.sql says.
WITH cutoff AS MATERIALIZED (
    SELECT least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int) AS at
),
page AS MATERIALIZED (
    SELECT event_id, user_id, channel, created_at, ctid AS place
    FROM public.notification_decisions
    -- The first part lets the index find where the page begins, in any plan.
    WHERE (event_id, user_id, channel) >= (
        coalesce((%(after)s::jsonb ->> 0)::bigint, -9223372036854775808),
        coalesce((%(after)s::jsonb ->> 1)::uuid, '00000000-0000-0000-0000-000000000000'),
        coalesce(%(after)s::jsonb ->> 2, '')
    )
    AND (
        %(after)s::text IS NULL
        OR (event_id, user_id, channel) <> (
            (%(after)s::jsonb ->> 0)::bigint,
            (%(after)s::jsonb ->> 1)::uuid,
            %(after)s::jsonb ->> 2
        )
    )
    ORDER BY event_id, user_id, channel
    LIMIT %(most)s::int
),
deleted AS (
    DELETE FROM public.notification_decisions AS decision
    WHERE NOT %(dry_run)s::boolean
    AND decision.ctid = ANY (ARRAY(SELECT place FROM page))
    AND decision.created_at < (SELECT at FROM cutoff)
    RETURNING true
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM page WHERE created_at < (SELECT at FROM cutoff)) AS due,
       (SELECT count(*) FROM deleted) AS deleted,
       0::bigint AS kept,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT jsonb_build_array(event_id, user_id, channel)::text
           FROM page
           ORDER BY event_id DESC, user_id DESC, channel DESC
           LIMIT 1
       ) END AS cursor
