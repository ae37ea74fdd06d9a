-- Counts statements of our login and program that have run for longer than we wait for a reply.
-- Out: the number, and one wait event of them. In: seconds.
SELECT count(*), min(activity.wait_event)
FROM pg_catalog.pg_stat_activity AS activity
WHERE activity.datname = current_database()
AND activity.usename = session_user
AND activity.application_name = current_setting('application_name')
AND activity.state = 'active'
AND activity.pid <> pg_backend_pid()
AND activity.query_start < clock_timestamp() - make_interval(secs => %(seconds)s::float8)
