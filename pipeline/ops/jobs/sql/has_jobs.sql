-- Whether the database has the family jobs.
SELECT to_regclass('fanout.job_runs') IS NOT NULL AS has_jobs
