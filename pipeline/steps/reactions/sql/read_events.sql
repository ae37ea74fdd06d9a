-- The rows of these events, and the route that each takes. In: ids, most_bytes. A larger payload stays in
-- the database.
SELECT
    event.id, coalesce(event.event_type, ''), event.created_at, event.aggregate_type,
    event.aggregate_id,
    CASE WHEN event.payload IS NULL THEN 'null'
        WHEN octet_length(event.payload::text) <= %(most_bytes)s THEN event.payload::text END,
    event.metadata::text, coalesce(event.version, 1),
    route.id, route.to_kind, route.target, route.endpoint_id::text
FROM unnest(%(ids)s::uuid[]) AS wanted (id)
JOIN reactions.events AS event ON event.id = wanted.id
LEFT JOIN LATERAL (
    SELECT id, to_kind, target, endpoint_id
    FROM fanout.reaction_routes
    WHERE event_type = event.event_type AND event.payload @> condition
    ORDER BY place
    LIMIT 1
) AS route ON true
WHERE isfinite(event.created_at)
    AND event.created_at BETWEEN '0002-01-01' AND '9999-12-31'
