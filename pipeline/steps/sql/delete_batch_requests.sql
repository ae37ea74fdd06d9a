-- Delete frozen requests for several mails that all ended long enough ago: one page, the oldest first. In
-- and out as delete_ledger_rows.sql says. Until the last of its mails has ended, a request is repeated
-- whole.
WITH cutoff AS MATERIALIZED (
    SELECT least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int) AS at
),
page AS MATERIALIZED (
    SELECT request.id, request.created_at, EXISTS (
        SELECT FROM fanout.deliveries AS delivery
        WHERE delivery.id = ANY (request.members)
        AND (delivery.finished_at IS NULL OR delivery.finished_at >= (SELECT at FROM cutoff))
        OFFSET 0
    ) AS is_needed
    FROM fanout.batch_requests AS request
    WHERE request.created_at < (SELECT at FROM cutoff)
    -- The first part lets the index find where the page begins, in any plan.
    AND request.created_at >= coalesce((%(after)s::jsonb ->> 0)::timestamptz, '-infinity')
    AND (request.created_at, request.id) > (
        coalesce((%(after)s::jsonb ->> 0)::timestamptz, '-infinity'),
        coalesce((%(after)s::jsonb ->> 1)::uuid, '00000000-0000-0000-0000-000000000000')
    )
    ORDER BY request.created_at, request.id
    LIMIT %(most)s::int
),
deleted AS (
    DELETE FROM fanout.batch_requests AS request
    WHERE NOT %(dry_run)s::boolean
    AND request.id = ANY (ARRAY(SELECT id FROM page WHERE NOT is_needed))
    RETURNING true
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM page WHERE NOT is_needed) AS due,
       (SELECT count(*) FROM deleted) AS deleted,
       (SELECT count(*) FROM page WHERE is_needed) AS kept,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT jsonb_build_array(created_at, id)::text
           FROM page
           ORDER BY created_at DESC, id DESC
           LIMIT 1
       ) END AS cursor
