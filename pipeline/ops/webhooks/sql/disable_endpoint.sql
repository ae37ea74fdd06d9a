-- Disable an endpoint: what waits for it ends, and no more comes. In: name, audit.
-- Out: name, whether it was enabled; no row if there is none.
WITH before AS (
    SELECT id, name, disabled_at IS NULL AS changed
    FROM fanout.webhook_endpoints
    WHERE name = %(name)s
),
changed AS (
    UPDATE fanout.webhook_endpoints AS endpoint
    SET disabled_at = now(), disabled_reason = 'a person disabled it'
    FROM before
    WHERE endpoint.id = before.id AND endpoint.disabled_at IS NULL
),
audited AS (
    INSERT INTO fanout.audit (id, who, identity, action, target, finished_at, result)
    SELECT %(audit)s, session_user, 'login', 'webhooks disable', name, now(), 'disabled'
    FROM before
    WHERE changed
)
SELECT name, changed FROM before
