-- Whether the database has the family jobs.
SELECT to_regclass('fanout.thread_nudges') IS NOT NULL AS has_jobs
