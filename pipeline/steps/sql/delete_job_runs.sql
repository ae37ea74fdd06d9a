-- Delete old runs of jobs that are finished: one page, by primary key. In and out as
-- delete_ledger_rows.sql says. The last finished run of each job stays: it says when the job last ran.
WITH cutoff AS MATERIALIZED (
    SELECT least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int) AS at
),
page AS MATERIALIZED (
    SELECT job, scheduled_for,
           coalesce(finished_at, scheduled_for) < (SELECT at FROM cutoff) AS is_old,
           finished_at IS NOT NULL AND EXISTS (
               SELECT FROM fanout.job_runs AS later
               WHERE later.job = run.job
               AND later.scheduled_for > run.scheduled_for
               AND later.state = 'done'
               OFFSET 0
           ) AS may_go
    FROM fanout.job_runs AS run
    WHERE (job, scheduled_for) > (
        coalesce(%(after)s::jsonb ->> 0, ''),
        coalesce((%(after)s::jsonb ->> 1)::timestamptz, '-infinity'))
    ORDER BY job, scheduled_for
    LIMIT %(most)s::int
),
deleted AS (
    DELETE FROM fanout.job_runs AS run
    USING (SELECT job, scheduled_for FROM page WHERE is_old AND may_go) AS old
    WHERE NOT %(dry_run)s::boolean
    AND run.job = old.job
    AND run.scheduled_for = old.scheduled_for
    AND run.finished_at < (SELECT at FROM cutoff)
    RETURNING true
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM page WHERE is_old AND may_go) AS due,
       (SELECT count(*) FROM deleted) AS deleted,
       (SELECT count(*) FROM page WHERE is_old AND NOT may_go) AS kept,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT jsonb_build_array(job, scheduled_for)::text
           FROM page
           ORDER BY job DESC, scheduled_for DESC
           LIMIT 1
       ) END AS cursor
