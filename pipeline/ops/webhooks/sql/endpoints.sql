-- Endpoints by name, with what they subscribe to and how their deliveries stand.
-- In: name: only this one; NULL: all; prefix of the names of their switches.
SELECT
    endpoint.id,
    endpoint.name,
    endpoint.url,
    endpoint.with_payload,
    endpoint.created_at,
    endpoint.created_by,
    endpoint.worked_at,
    endpoint.disabled_at,
    endpoint.disabled_reason,
    subscribed.event_types,
    switch.state AS switch,
    switch.reason AS switch_reason,
    stored.secrets,
    figures.waiting,
    figures.paused,
    figures.done,
    figures.dead
FROM fanout.webhook_endpoints AS endpoint
LEFT JOIN fanout.switches AS switch ON switch.name = %(prefix)s || endpoint.id::text
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(event_type ORDER BY event_type), '{}') AS event_types
    FROM fanout.webhook_subscriptions
    WHERE endpoint_id = endpoint.id
) AS subscribed
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', name, 'created_at', created_at, 'retires_at', retires_at
    ) ORDER BY created_at DESC, id), '[]') AS secrets
    FROM fanout.webhook_secrets
    WHERE endpoint_id = endpoint.id AND (retires_at IS NULL OR retires_at > now())
) AS stored
LEFT JOIN (
    SELECT
        recipient,
        count(*) FILTER (WHERE state IN ('pending', 'leased', 'waiting')) AS waiting,
        count(*) FILTER (WHERE state = 'paused') AS paused,
        count(*) FILTER (WHERE state = 'done') AS done,
        count(*) FILTER (WHERE state = 'dead') AS dead
    FROM fanout.deliveries
    WHERE channel = 'webhook'
        AND (finished_at IS NULL OR finished_at > now() - interval '24 hours')
    GROUP BY recipient
) AS figures ON figures.recipient = endpoint.id::text
WHERE %(name)s::text IS NULL OR endpoint.name = %(name)s
ORDER BY endpoint.name
