-- How a row of activity.notifications stands. In: its id. Others write the table, so a time that no
-- program can read is NULL. is_too_old: it is older than push, so that push never takes it.
SELECT
    shown.id,
    shown.user_id,
    coalesce(shown.notification_type, 'system') AS kind,
    coalesce(shown.is_processed, false) AS is_processed,
    CASE WHEN shown.created_at > '0001-01-02' AND shown.created_at < '9999-01-01'
        THEN shown.created_at END AS created_at,
    CASE WHEN shown.deliver_at > '0001-01-02' AND shown.deliver_at < '9999-01-01'
        THEN shown.deliver_at END AS deliver_at,
    shown.taken_at,
    shown.last_error,
    push.since AS push_since,
    coalesce(shown.created_at < push.since, shown.created_at IS NULL) AS is_too_old
FROM activity.notifications AS shown
LEFT JOIN (
    SELECT greatest(channel.since, installed.applied_at) AS since
    FROM fanout.channels AS channel, public.fanout_migrations AS installed
    WHERE channel.channel = 'bus' AND installed.name = 'activity/0001_notifications.sql'
) AS push ON true
WHERE shown.id = %(row)s
