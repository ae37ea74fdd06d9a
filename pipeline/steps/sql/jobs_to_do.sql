-- The jobs with a due run, except paused jobs. The job with the oldest run first.
SELECT run.job
FROM fanout.job_runs AS run
WHERE (
        run.state IN ('pending', 'waiting', 'leased') AND run.next_attempt_at <= now()
        OR run.state = 'paused'
    )
    AND NOT EXISTS (SELECT FROM fanout.switches AS switch WHERE switch.name = run.job)
GROUP BY run.job
ORDER BY min(run.next_attempt_at), run.job
