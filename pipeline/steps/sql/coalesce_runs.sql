-- Combine late ticks: cancel runs of a job that a later tick replaces. A run that has started is
-- cancelled only when a later run is done. Runs by hand are never cancelled here. In: job.
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
