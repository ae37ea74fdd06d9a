-- Delete channels that have ended or whose connection is gone, and revoked grants whose connection is
-- gone or has another refresh token now.
WITH channels AS (
    DELETE FROM fanout.calendar_channels AS channel
    WHERE channel.expires_at <= %(now)s::timestamptz
        OR NOT EXISTS (
            SELECT FROM public.calendar_connections AS connection
            WHERE connection.id = channel.connection_id
        )
)
DELETE FROM fanout.calendar_grants AS revoked
WHERE NOT EXISTS (
    SELECT FROM public.calendar_connections AS connection
    WHERE connection.id = revoked.connection_id
        AND sha256(convert_to(coalesce(connection.refresh_token, ''), 'UTF8'))
            = revoked.refresh_token_sha256
)
