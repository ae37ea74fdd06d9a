-- An operator may ask for a run of a job. The graph of the jobs runs it.
GRANT INSERT (job, scheduled_for, as_of, requested_by, changed) ON fanout.job_runs TO fanout_operator;
