-- Whether the role exists, and whether the database has the families jobs and mail, and calendars.
SELECT
    to_regrole(%(role)s) IS NOT NULL AS found,
    to_regclass('fanout.job_runs') IS NOT NULL AS has_jobs,
    to_regclass('fanout.deliveries') IS NOT NULL AS has_mail,
    to_regclass('public.calendar_connections') IS NOT NULL AS has_calendars
