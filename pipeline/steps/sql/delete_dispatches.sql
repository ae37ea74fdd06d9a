-- Delete what was kept of tasks and messages that ended long ago, with their tries: one page, the oldest
-- first. In and out as delete_ledger_rows.sql says. One that was handed out again since stays.
WITH cutoff AS MATERIALIZED (
    SELECT least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int) AS at
),
page AS MATERIALIZED (
    SELECT kind, id, finished_at
    FROM fanout.dispatches
    WHERE finished_at < (SELECT at FROM cutoff)
    -- The first part lets the index find where the page begins, in any plan.
    AND finished_at >= coalesce((%(after)s::jsonb ->> 0)::timestamptz, '-infinity')
    AND (finished_at, kind, id) > (
        coalesce((%(after)s::jsonb ->> 0)::timestamptz, '-infinity'),
        coalesce(%(after)s::jsonb ->> 1, ''),
        coalesce((%(after)s::jsonb ->> 2)::uuid, '00000000-0000-0000-0000-000000000000')
    )
    ORDER BY finished_at, kind, id
    LIMIT %(most)s::int
),
deleted AS (
    DELETE FROM fanout.dispatches AS ended
    USING page
    WHERE NOT %(dry_run)s::boolean
    AND ended.kind = page.kind AND ended.id = page.id
    AND ended.finished_at < (SELECT at FROM cutoff)
    RETURNING ended.kind, ended.id
),
untried AS (
    DELETE FROM fanout.attempts
    WHERE source IN ('agent_tasks', 'message_queue')
    AND record_id = ANY (ARRAY(SELECT id::text FROM deleted))
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM page) AS due,
       (SELECT count(*) FROM deleted) AS deleted,
       0 AS kept,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT jsonb_build_array(finished_at, kind, id)::text
           FROM page
           ORDER BY finished_at DESC, kind DESC, id DESC
           LIMIT 1
       ) END AS cursor
