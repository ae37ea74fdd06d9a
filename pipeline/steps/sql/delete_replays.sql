-- Delete old records of replays: one page, by primary key. In and out as delete_ledger_rows.sql says.
-- One stays while one of its events is exempt from the age limit. One that never ended was killed.
WITH cutoff AS MATERIALIZED (
    SELECT least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int) AS at
),
page AS MATERIALIZED (
    SELECT id,
           coalesce(finished_at, started_at) < (SELECT at FROM cutoff) AS is_old,
           id NOT IN (SELECT replay_id FROM fanout.age_exemptions) AS may_go
    FROM public.fanout_replays
    WHERE id >= coalesce(%(after)s::text::uuid, '00000000-0000-0000-0000-000000000000')
    AND id IS DISTINCT FROM %(after)s::text::uuid
    ORDER BY id
    LIMIT %(most)s::int
),
deleted AS (
    DELETE FROM public.fanout_replays
    WHERE NOT %(dry_run)s::boolean
    AND id = ANY (ARRAY(SELECT id FROM page WHERE is_old AND may_go))
    RETURNING true
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM page WHERE is_old AND may_go) AS due,
       (SELECT count(*) FROM deleted) AS deleted,
       (SELECT count(*) FROM page WHERE is_old AND NOT may_go) AS kept,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int
           THEN (SELECT id::text FROM page ORDER BY id DESC LIMIT 1)
       END AS cursor
