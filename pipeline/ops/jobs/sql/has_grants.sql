-- Whether the job that renews the watches of calendars is set up here.
SELECT to_regclass('fanout.calendar_grants') IS NOT NULL AS has_grants
