-- Of ticks that came late one run is left: end those of a job that a later one makes pointless.
-- One that is tried again goes on until a later one is done. Runs by hand are left alone. In: job.
UPDATE fanout.job_runs AS run SET
    state = 'cancelled',
    finished_at = now(),
    reason = 'a later tick does its work'
WHERE run.job = %(job)s
    AND run.requested_by = 'tick'
    AND run.state IN ('pending', 'paused', 'waiting')
    AND EXISTS (
        SELECT
        FROM fanout.job_runs AS later
        WHERE later.job = run.job
            AND later.requested_by = 'tick'
            AND later.scheduled_for > run.scheduled_for
            AND (later.state = 'done' OR run.attempts = 0)
    )
