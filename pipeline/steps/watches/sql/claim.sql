-- Begin to renew a watch, unless another process does or did: the channel that Google will be asked
-- for is known from now on.
WITH watched AS (
    SELECT id FROM public.calendar_connections
    WHERE id = %(connection_id)s AND watch_channel_id = %(old_channel_id)s
    -- Whoever saves a watch at this moment has saved it then, and the row is looked at again.
    FOR NO KEY UPDATE
), claimed AS (
    INSERT INTO fanout.calendar_channels AS channel
        (id, connection_id, channel_id, state, claimed_until, expires_at)
    SELECT %(id)s, watched.id, %(channel_id)s, 'making', now() + %(lease)s::interval, %(expires_at)s::timestamptz
    FROM watched
    -- A statement that is sent again finds its own row.
    ON CONFLICT (connection_id) WHERE state = 'making' DO UPDATE
    SET claimed_until = excluded.claimed_until
    WHERE channel.id = excluded.id
    RETURNING channel.id
)
SELECT EXISTS (SELECT FROM claimed) AS is_claimed, EXISTS (SELECT FROM watched) AS is_current
