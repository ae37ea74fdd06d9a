-- Cancel a run that has not started. In: job, scheduled_for, reason.
UPDATE fanout.job_runs SET
    state = 'cancelled',
    finished_at = now(),
    reason = %(reason)s
WHERE job = %(job)s
    AND scheduled_for = %(scheduled_for)s
    AND state IN ('pending', 'paused')
