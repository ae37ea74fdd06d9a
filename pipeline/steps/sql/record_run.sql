-- Record a run of a job. An existing run stays unchanged.
-- In: job, scheduled_for, as_of, requested_by, changed. Out: a row if it is new.
INSERT INTO fanout.job_runs (job, scheduled_for, as_of, requested_by, changed)
VALUES (
    %(job)s,
    coalesce(%(scheduled_for)s::timestamptz, clock_timestamp()),
    coalesce(%(as_of)s::timestamptz, clock_timestamp()),
    %(requested_by)s,
    %(changed)s
)
ON CONFLICT (job, scheduled_for) DO NOTHING
RETURNING scheduled_for
