-- Make the deliveries of rows of activity.notifications: only of rows that are newer than the switch
-- of the channel, and young enough. In: most. Out: how many rows were taken.
--
-- The nil UUID is everyone: the topic of the bus and that of the phones, each a delivery of its own.
WITH found AS MATERIALIZED (
    SELECT told.*, coalesce(told.expires_at, greatest(told.created_at, told.deliver_at) + channel.max_age) AS ends_at
    FROM fanout.channels AS channel
    CROSS JOIN LATERAL (
        SELECT * FROM activity.notifications
        WHERE NOT is_processed AND taken_at IS NULL
            AND created_at >= channel.since
            AND greatest(created_at, deliver_at) > now() - channel.max_age
        ORDER BY (priority IN ('critical', 'urgent')) DESC, created_at
        LIMIT %(most)s
        FOR UPDATE SKIP LOCKED
    ) AS told
    WHERE channel.channel = 'bus'
),
marked AS (
    UPDATE activity.notifications AS told SET taken_at = now() FROM found WHERE told.id = found.id
),
made AS (
    INSERT INTO fanout.deliveries (
        id, cause, channel, recipient, kind, user_id, source, source_id, priority,
        deliver_at, next_attempt_at, expires_at, collapse_key
    )
    SELECT fanout.delivery_id(cause, way.channel, way.recipient), cause, way.channel, way.recipient,
        notification_type, CASE WHEN NOT is_for_all THEN user_id END,
        'activity.notifications', id::text,
        CASE lower(priority)
            WHEN 'critical' THEN 0 WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'low' THEN 3 ELSE 2
        END,
        deliver_at, deliver_at, ends_at, collapse_key
    FROM found
    CROSS JOIN LATERAL (
        SELECT 'activity.notifications:' || found.id AS cause,
            found.user_id = '00000000-0000-0000-0000-000000000000' AS is_for_all
    ) AS about
    CROSS JOIN LATERAL (
        SELECT 'bus' AS channel, found.user_id::text AS recipient WHERE NOT is_for_all
        UNION ALL
        SELECT 'bus', 'topic:global_notifications' WHERE is_for_all
        UNION ALL
        SELECT 'fcm', 'topic:all' WHERE is_for_all
    ) AS way
    -- The later one with a collapse key replaces the other.
    ORDER BY created_at, id, 1
    ON CONFLICT (id) DO NOTHING
)
SELECT count(*)::int FROM found
