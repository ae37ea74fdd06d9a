-- Begin to renew a watch, unless another process does or did. Records the channel that Google is about
-- to be asked for.
WITH watched AS (
    SELECT id FROM public.calendar_connections
    WHERE id = %(connection_id)s AND watch_channel_id = %(old_channel_id)s
    -- If another process saves a watch at this moment, wait for it, and look at the row again.
    FOR NO KEY UPDATE
), claimed AS (
    INSERT INTO fanout.calendar_channels AS channel
        (id, connection_id, channel_id, state, claimed_until, expires_at)
    SELECT %(id)s, watched.id, %(channel_id)s, 'making', now() + %(lease)s::interval, %(expires_at)s::timestamptz
    FROM watched
    -- If this statement is sent again, it finds its own row.
    ON CONFLICT (connection_id) WHERE state = 'making' DO UPDATE
    SET claimed_until = excluded.claimed_until
    WHERE channel.id = excluded.id
    RETURNING channel.id
)
SELECT EXISTS (SELECT FROM claimed) AS is_claimed, EXISTS (SELECT FROM watched) AS is_current
