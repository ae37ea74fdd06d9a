-- The runs of a job, the latest first. In: job; before, or NULL; most.
SELECT run.scheduled_for, run.requested_by = 'person' AS by_hand, run.state, run.created_at,
       run.started_at, run.finished_at, run.attempts, run.scanned, run.due, run.emitted, run.skipped,
       run.failed, run.error_class, run.reason,
       CASE run.state WHEN 'waiting' THEN run.next_attempt_at END AS next_attempt_at
FROM fanout.job_runs AS run
WHERE run.job = %(job)s
    AND run.scheduled_for < coalesce(%(before)s::timestamptz, 'infinity')
ORDER BY run.scheduled_for DESC
LIMIT %(most)s
