-- Whether the database has the ledger of runs: with the family jobs, or with reactions.
SELECT to_regclass('fanout.job_runs') IS NOT NULL AS has_runs
