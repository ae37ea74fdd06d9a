-- What fanout_viewer may read of the tables of the jobs.

GRANT SELECT ON fanout.job_runs TO fanout_viewer;
GRANT SELECT (since) ON fanout.calendar_grants TO fanout_viewer;
