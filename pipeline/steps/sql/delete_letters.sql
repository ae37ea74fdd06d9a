-- Delete dead letters that were resolved long ago: one page, by when they were last seen. In and out as
-- delete_ledger_rows.sql says. Open letters stay.
WITH cutoff AS MATERIALIZED (
    SELECT least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int) AS at
),
page AS MATERIALIZED (
    SELECT id, last_seen_at, resolved_at
    FROM public.event_dead_letters
    WHERE last_seen_at < (SELECT at FROM cutoff)
    -- The first part lets the index find where the page begins, in any plan.
    AND (last_seen_at, id) >= (
        coalesce((%(after)s::jsonb ->> 0)::timestamptz, '-infinity'),
        coalesce((%(after)s::jsonb ->> 1)::bigint, -9223372036854775808)
    )
    AND (
        %(after)s::text IS NULL
        OR (last_seen_at, id) <> (
            (%(after)s::jsonb ->> 0)::timestamptz,
            (%(after)s::jsonb ->> 1)::bigint
        )
    )
    ORDER BY last_seen_at, id
    LIMIT %(most)s::int
),
deleted AS (
    DELETE FROM public.event_dead_letters AS letter
    WHERE NOT %(dry_run)s::boolean
    AND letter.id = ANY (ARRAY(SELECT id FROM page))
    AND letter.resolved_at < (SELECT at FROM cutoff)
    RETURNING true
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM page WHERE resolved_at < (SELECT at FROM cutoff)) AS due,
       (SELECT count(*) FROM deleted) AS deleted,
       (SELECT count(*) FROM page WHERE (resolved_at < (SELECT at FROM cutoff)) IS NOT TRUE) AS kept,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT jsonb_build_array(last_seen_at, id)::text
           FROM page
           ORDER BY last_seen_at DESC, id DESC
           LIMIT 1
       ) END AS cursor
