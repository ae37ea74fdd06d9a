-- Save a new watch, unless the connection has another one now. The row of the new channel becomes the
-- row of the channel to be stopped: the old one, or the new one if it is not needed.
WITH connection AS (
    SELECT id, watch_channel_id FROM public.calendar_connections
    WHERE id = %(connection_id)s
    FOR NO KEY UPDATE
), mine AS (
    SELECT channel.id
    FROM fanout.calendar_channels AS channel
    WHERE channel.id = %(id)s AND channel.state = 'making'
        -- The connection is locked first, as in claim.sql, so that there is no deadlock.
        AND (SELECT count(*) FROM connection) >= 0
    FOR UPDATE
), saved AS (
    UPDATE public.calendar_connections AS saved
    SET watch_channel_id = %(channel_id)s,
        watch_resource_id = %(resource_id)s,
        watch_expiration = %(expires_at)s::timestamptz
    FROM mine, connection
    WHERE saved.id = connection.id AND connection.watch_channel_id = %(old_channel_id)s
    RETURNING saved.id
), result AS (
    SELECT EXISTS (SELECT FROM saved) AS is_saved
), to_stop AS (
    UPDATE fanout.calendar_channels AS channel
    SET state = 'stopping',
        channel_id = CASE WHEN is_saved THEN %(old_channel_id)s ELSE %(channel_id)s END,
        resource_id = CASE
            WHEN is_saved THEN coalesce(%(old_resource_id)s, %(resource_id)s)
            ELSE %(resource_id)s
        END,
        -- An old channel is renewed in its last day.
        expires_at = CASE
            WHEN is_saved THEN %(now)s::timestamptz + interval '24 hours' ELSE %(expires_at)s::timestamptz
        END
    FROM mine, result
    WHERE channel.id = mine.id
)
SELECT
    -- If this statement is sent again, it finds the watch saved.
    is_saved OR EXISTS (
        SELECT FROM connection WHERE watch_channel_id = %(channel_id)s
    ) AS is_kept,
    EXISTS (SELECT FROM mine) AS is_ours
FROM result
