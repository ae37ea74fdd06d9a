-- Counts the runs of a job that wait. In: name.
SELECT count(*)
FROM fanout.job_runs
WHERE job = %(name)s AND state IN ('pending', 'waiting', 'paused')
