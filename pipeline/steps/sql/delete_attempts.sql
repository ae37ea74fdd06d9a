-- Delete old attempts at records that are finished: one page, the oldest first. In and out as
-- delete_ledger_rows.sql says. Those of deliveries and of reactions have
-- statements of their own.
WITH cutoff AS MATERIALIZED (
    SELECT least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int) AS at
),
page AS MATERIALIZED (
    SELECT source, record_id, number, finished_at,
           source = 'job_runs' AND record_id = ANY (ARRAY(
               -- As in pipeline.steps.job_runs.
               SELECT job || '@' || replace(
                   to_char(scheduled_for AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
                   '.000000', '') || 'Z'
               FROM fanout.job_runs
               WHERE state NOT IN ('done', 'dead', 'cancelled', 'expired')
           )) AS is_unfinished,
           ctid AS place
    FROM fanout.attempts
    WHERE finished_at < (SELECT at FROM cutoff)
    AND source NOT IN ('deliveries', 'events')
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
