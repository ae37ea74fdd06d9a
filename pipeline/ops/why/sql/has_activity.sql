-- Whether the database has activity.notifications, with what push needs of it.
SELECT EXISTS (
    SELECT FROM public.fanout_migrations WHERE name = 'activity/0001_notifications.sql'
) AS has_activity
