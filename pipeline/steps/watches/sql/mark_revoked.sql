-- Record once that a refresh token was refused, but only if the connection still has this token.
INSERT INTO fanout.calendar_grants AS revoked
    (connection_id, state, reason, since, refresh_token_sha256)
SELECT id, 'revoked', %(reason)s, %(now)s::timestamptz,
    sha256(convert_to(coalesce(refresh_token, ''), 'UTF8'))
FROM public.calendar_connections
WHERE id = %(connection_id)s AND refresh_token IS NOT DISTINCT FROM %(refresh_token)s
ON CONFLICT (connection_id) DO UPDATE
SET reason = excluded.reason,
    since = excluded.since,
    refresh_token_sha256 = excluded.refresh_token_sha256
WHERE revoked.refresh_token_sha256 <> excluded.refresh_token_sha256
