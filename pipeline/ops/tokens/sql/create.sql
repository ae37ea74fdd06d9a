-- Stores a new token and its audit row. In: id, name, sha256, scopes, expires_in, audit.
-- Out: the token; no row if the name is taken.
WITH added AS (
    INSERT INTO fanout.api_tokens (id, name, sha256, scopes, expires_at)
    VALUES (%(id)s, %(name)s, %(sha256)s, %(scopes)s, now() + %(expires_in)s::interval)
    ON CONFLICT (name) DO NOTHING
    RETURNING name, scopes, created_at, created_by, expires_at, last_used_at, revoked_at
),
audited AS (
    INSERT INTO fanout.audit (id, who, identity, action, target, finished_at, result)
    SELECT %(audit)s, session_user, 'login', 'tokens create', name, now(),
           array_to_string(scopes, ', ')
    FROM added
)
SELECT name, scopes, created_at, created_by, expires_at, last_used_at, revoked_at FROM added
UNION ALL
-- It may be there already: after a lost connection, this runs again.
SELECT name, scopes, created_at, created_by, expires_at, last_used_at, revoked_at
FROM fanout.api_tokens
WHERE id = %(id)s
