-- Every token, the newest first.
SELECT name, scopes, created_at, created_by, expires_at, last_used_at, revoked_at,
       CASE
           WHEN revoked_at IS NOT NULL THEN 'revoked'
           WHEN expires_at <= now() THEN 'expired'
           ELSE 'active'
       END AS state
FROM fanout.api_tokens
ORDER BY created_at DESC, name
