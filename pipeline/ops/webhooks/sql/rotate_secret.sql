-- Give an endpoint a new secret; the others are used a while longer. Writes an audit row.
-- In: name, secret_id, sealed, secret_name, keep (an interval), audit. Out: when the others retire.
WITH endpoint AS (
    SELECT id, name FROM fanout.webhook_endpoints WHERE name = %(name)s
),
retired AS (
    UPDATE fanout.webhook_secrets AS secret
    SET retires_at = least(retires_at, now() + %(keep)s::interval)
    FROM endpoint
    WHERE secret.endpoint_id = endpoint.id AND secret.id <> %(secret_id)s
        AND (secret.retires_at IS NULL OR secret.retires_at > now() + %(keep)s::interval)
),
-- What retired long ago is of no use to anybody.
forgotten AS (
    DELETE FROM fanout.webhook_secrets AS secret
    USING endpoint
    WHERE secret.endpoint_id = endpoint.id AND secret.retires_at < now()
),
given AS (
    INSERT INTO fanout.webhook_secrets (id, endpoint_id, sealed, name)
    SELECT %(secret_id)s, id, %(sealed)s, %(secret_name)s FROM endpoint
    ON CONFLICT (id) DO NOTHING
    RETURNING id
),
audited AS (
    INSERT INTO fanout.audit (id, who, identity, action, target, finished_at, result)
    SELECT %(audit)s, session_user, 'login', 'webhooks rotate', name, now(), 'rotated'
    FROM endpoint
    WHERE EXISTS (SELECT FROM given)
)
SELECT now() + %(keep)s::interval AS both_until FROM endpoint
