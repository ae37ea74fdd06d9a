-- Enable an endpoint, and close its breaker. In: name, audit, prefix of the names of the switches.
-- Out: name, whether it was disabled; no row if there is none.
WITH before AS (
    SELECT id, name, disabled_at IS NOT NULL AS changed
    FROM fanout.webhook_endpoints
    WHERE name = %(name)s
),
changed AS (
    UPDATE fanout.webhook_endpoints AS endpoint
    SET disabled_at = NULL, disabled_reason = NULL
    FROM before
    WHERE endpoint.id = before.id AND endpoint.disabled_at IS NOT NULL
),
closed AS (
    DELETE FROM fanout.switches AS switch
    USING before
    WHERE switch.name = %(prefix)s || before.id::text
    RETURNING switch.name
),
audited AS (
    INSERT INTO fanout.audit (id, who, identity, action, target, finished_at, result)
    SELECT %(audit)s, session_user, 'login', 'webhooks enable', name, now(), 'enabled'
    FROM before
    WHERE changed OR EXISTS (SELECT FROM closed)
)
SELECT name, changed OR EXISTS (SELECT FROM closed) AS changed FROM before
