-- The rows of these events. In: ids, most_bytes. A larger payload stays in the database.
SELECT
    event.id, event.event_type, event.created_at, event.aggregate_type, event.aggregate_id,
    CASE WHEN octet_length(event.payload::text) <= %(most_bytes)s THEN event.payload::text END,
    event.metadata::text, coalesce(event.version, 1)
FROM unnest(%(ids)s::uuid[]) AS wanted (id)
JOIN reactions.events AS event ON event.id = wanted.id
WHERE isfinite(event.created_at)
    AND event.created_at BETWEEN '0002-01-01' AND '9999-12-31'
