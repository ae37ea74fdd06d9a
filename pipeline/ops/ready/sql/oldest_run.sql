-- The run of a job that has been due for longest, and for how many seconds. No row: none is due.
-- A leased run is due again when its lease has ended: its worker is gone.
SELECT job, extract(epoch FROM now() - next_attempt_at)::float8 AS seconds
FROM fanout.job_runs
WHERE state IN ('pending', 'waiting', 'leased') AND next_attempt_at <= now()
ORDER BY next_attempt_at, sequence
LIMIT 1
