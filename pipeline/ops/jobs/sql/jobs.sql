-- For each job: the last run that started, the last success, how many runs wait, and the switch.
-- In: jobs. since: when the graph of the jobs, or any job, ran first; NULL: none ever did.
SELECT
    wanted.job,
    run.scheduled_for,
    run.requested_by,
    run.state,
    run.started_at,
    run.finished_at,
    extract(epoch FROM coalesce(run.finished_at, now()) - run.started_at)::float8 AS seconds,
    run.scanned,
    run.due,
    run.emitted,
    run.skipped,
    run.failed,
    run.attempts,
    CASE run.state WHEN 'waiting' THEN run.next_attempt_at END AS next_attempt_at,
    run.error_class,
    run.reason,
    done.finished_at AS done_at,
    waiting.runs AS waiting,
    switch.who AS paused_by,
    switch.since AS paused_since,
    least(
        (SELECT started_at FROM fanout.graphs WHERE graph = 'jobs'),
        (SELECT min(started_at) FROM fanout.job_runs)
    ) AS since,
    now() AS now
FROM unnest(%(jobs)s::text[]) WITH ORDINALITY AS wanted (job, place)
LEFT JOIN LATERAL (
    SELECT * FROM fanout.job_runs AS run
    WHERE run.job = wanted.job AND run.started_at IS NOT NULL
    ORDER BY run.scheduled_for DESC
    LIMIT 1
) AS run ON true
LEFT JOIN LATERAL (
    SELECT max(finished_at) AS finished_at FROM fanout.job_runs AS done
    WHERE done.job = wanted.job AND done.state = 'done'
) AS done ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS runs FROM fanout.job_runs AS waiting
    WHERE waiting.job = wanted.job AND waiting.state IN ('pending', 'waiting', 'paused')
) AS waiting ON true
LEFT JOIN fanout.switches AS switch ON switch.name = wanted.job
ORDER BY wanted.place
