-- Delete old attempts at records that are finished: one page, the oldest first. In and out as
-- delete_ledger_rows.sql says. Only of deliveries, only of events of reactions, or only of others.
WITH cutoff AS MATERIALIZED (
    SELECT least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int) AS at
),
page AS MATERIALIZED (
    SELECT source, record_id, number, finished_at,
           -- only others: begin
           source = 'job_runs' AND record_id = ANY (ARRAY(
               -- As in pipeline.steps.job_runs.
               SELECT job || '@' || replace(
                   to_char(scheduled_for AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
                   '.000000', '') || 'Z'
               FROM fanout.job_runs
               WHERE state NOT IN ('done', 'dead', 'cancelled', 'expired')
           )) AS is_unfinished,
           -- only others: end
           -- only deliveries: begin
           EXISTS (
               SELECT FROM fanout.deliveries
               WHERE id = attempts.record_id::uuid AND finished_at IS NULL
               OFFSET 0
           ) AS is_unfinished,
           -- only deliveries: end
           -- only reactions: begin
           EXISTS (
               SELECT FROM fanout.reactions
               WHERE event_id = attempts.record_id::uuid AND state NOT IN ('done', 'dead')
               OFFSET 0
           ) AS is_unfinished,
           -- only reactions: end
           ctid AS place
    FROM fanout.attempts
    WHERE finished_at < (SELECT at FROM cutoff)
    -- only others: begin
    AND source NOT IN ('deliveries', 'events')
    -- only others: end
    -- only deliveries: begin
    AND source = 'deliveries'
    -- only deliveries: end
    -- only reactions: begin
    AND source = 'events'
    -- only reactions: end
    -- The first part lets the index find where the page begins, in any plan.
    AND (finished_at, source, record_id, number) >= (
        coalesce((%(after)s::jsonb ->> 0)::timestamptz, '-infinity'),
        coalesce(%(after)s::jsonb ->> 1, ''),
        coalesce(%(after)s::jsonb ->> 2, ''),
        coalesce((%(after)s::jsonb ->> 3)::int, -2147483648)
    )
    AND (
        %(after)s::text IS NULL
        OR (finished_at, source, record_id, number) <> (
            (%(after)s::jsonb ->> 0)::timestamptz,
            %(after)s::jsonb ->> 1,
            %(after)s::jsonb ->> 2,
            (%(after)s::jsonb ->> 3)::int
        )
    )
    ORDER BY finished_at, source, record_id, number
    LIMIT %(most)s::int
),
deleted AS (
    DELETE FROM fanout.attempts AS attempt
    WHERE NOT %(dry_run)s::boolean
    AND attempt.ctid = ANY (ARRAY(SELECT place FROM page WHERE NOT is_unfinished))
    AND attempt.finished_at < (SELECT at FROM cutoff)
    RETURNING true
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM page WHERE NOT is_unfinished) AS due,
       (SELECT count(*) FROM deleted) AS deleted,
       (SELECT count(*) FROM page WHERE is_unfinished) AS kept,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT jsonb_build_array(finished_at, source, record_id, number)::text
           FROM page
           ORDER BY finished_at DESC, source DESC, record_id DESC, number DESC
           LIMIT 1
       ) END AS cursor
