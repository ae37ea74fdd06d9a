-- Whether the role exists, which families the database has, and whether it has calendars.
SELECT
    to_regrole(%(role)s) IS NOT NULL AS found,
    to_regclass('fanout.thread_nudges') IS NOT NULL AS has_jobs,
    to_regclass('fanout.transactional_mails') IS NOT NULL AS has_mail,
    to_regclass('fanout.device_tokens') IS NOT NULL AS has_push,
    -- The application may have a table activity.notifications without the family.
    to_regprocedure('fanout.show_in_activity()') IS NOT NULL AS has_activity,
    to_regclass('fanout.reactions') IS NOT NULL AS has_reactions,
    to_regclass('public.calendar_connections') IS NOT NULL AS has_calendars
