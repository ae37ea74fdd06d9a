-- Store a new endpoint, what it subscribes to, its secret and an audit row.
-- In: id, name, url, with_payload, event_types, secret_id, sealed, secret_name, audit.
-- Out: the name; no row if it is taken.
WITH added AS (
    INSERT INTO fanout.webhook_endpoints (id, name, url, with_payload)
    VALUES (%(id)s, %(name)s, %(url)s, %(with_payload)s)
    ON CONFLICT (name) DO NOTHING
    RETURNING id, name
),
subscribed AS (
    INSERT INTO fanout.webhook_subscriptions (event_type, endpoint_id)
    SELECT event_type, id FROM added, unnest(%(event_types)s::text[]) AS event_type
),
given AS (
    INSERT INTO fanout.webhook_secrets (id, endpoint_id, sealed, name)
    SELECT %(secret_id)s, id, %(sealed)s, %(secret_name)s FROM added
),
audited AS (
    INSERT INTO fanout.audit (id, who, identity, action, target, finished_at, result)
    SELECT %(audit)s, session_user, 'login', 'webhooks add', name, now(), 'added' FROM added
)
SELECT name FROM added
UNION ALL
-- It may be there already: after a lost connection, this runs again.
SELECT name FROM fanout.webhook_endpoints WHERE id = %(id)s
