-- Revokes a token and writes its audit row. In: name, audit. Out: the token; no row if there is none.
WITH before AS (
    SELECT name, revoked_at FROM fanout.api_tokens WHERE name = %(name)s
),
revoked AS (
    UPDATE fanout.api_tokens AS token
    SET revoked_at = now()
    WHERE token.name = %(name)s AND token.revoked_at IS NULL
    RETURNING token.name, token.revoked_at
),
audited AS (
    INSERT INTO fanout.audit (id, who, identity, action, target, finished_at, result)
    SELECT %(audit)s, session_user, 'login', 'tokens revoke', name, now(), 'revoked'
    FROM revoked
)
SELECT before.name, coalesce(before.revoked_at, revoked.revoked_at) AS revoked_at,
       before.revoked_at IS NOT NULL AS before
FROM before
LEFT JOIN revoked USING (name)
