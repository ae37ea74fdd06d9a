-- Delete what was frozen for mails that ended long enough ago: one page, the oldest first. In and out as
-- delete_ledger_rows.sql says. A body stays as long as its mail may be sent again.
WITH cutoff AS MATERIALIZED (
    SELECT least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int) AS at
),
page AS MATERIALIZED (
    SELECT body.delivery_id, body.provider, body.created_at, NOT EXISTS (
        SELECT FROM fanout.deliveries AS delivery
        WHERE delivery.id = body.delivery_id
        AND delivery.finished_at < (SELECT at FROM cutoff)
        OFFSET 0
    ) AS is_needed
    FROM fanout.delivery_bodies AS body
    WHERE body.created_at < (SELECT at FROM cutoff)
    -- The first part lets the index find where the page begins, in any plan.
    AND body.created_at >= coalesce((%(after)s::jsonb ->> 0)::timestamptz, '-infinity')
    AND (body.created_at, body.delivery_id, body.provider) > (
        coalesce((%(after)s::jsonb ->> 0)::timestamptz, '-infinity'),
        coalesce((%(after)s::jsonb ->> 1)::uuid, '00000000-0000-0000-0000-000000000000'),
        coalesce(%(after)s::jsonb ->> 2, '')
    )
    ORDER BY body.created_at, body.delivery_id, body.provider
    LIMIT %(most)s::int
),
deleted AS (
    DELETE FROM fanout.delivery_bodies AS body
    USING (SELECT delivery_id, provider FROM page WHERE NOT is_needed) AS old
    WHERE NOT %(dry_run)s::boolean
    AND body.delivery_id = old.delivery_id
    AND body.provider = old.provider
    RETURNING true
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM page WHERE NOT is_needed) AS due,
       (SELECT count(*) FROM deleted) AS deleted,
       (SELECT count(*) FROM page WHERE is_needed) AS kept,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT jsonb_build_array(created_at, delivery_id, provider)::text
           FROM page
           ORDER BY created_at DESC, delivery_id DESC, provider DESC
           LIMIT 1
       ) END AS cursor
