-- Whether the application has calendars that people have connected.
SELECT to_regclass('public.calendar_connections') IS NOT NULL AS has_connections
