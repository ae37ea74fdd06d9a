-- Whether the role exists, and whether the database has the family jobs.
SELECT
    to_regrole(%(role)s) IS NOT NULL AS found,
    to_regclass('fanout.job_runs') IS NOT NULL AS has_jobs
