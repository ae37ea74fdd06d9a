-- The events that claimed webhooks tell of, without payloads. In: ids of deliveries.
-- Out: a row for each whose event exists.
SELECT
    delivery.id AS delivery_id,
    event.id AS event_id,
    event.event_type,
    event.actor_id,
    event.project_id,
    event.resource_id,
    event.thread_id,
    event.meeting_id,
    to_char(
        CASE WHEN isfinite(event.created_at) THEN event.created_at ELSE delivery.created_at END
            AT TIME ZONE 'UTC',
        'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
    ) AS at
FROM fanout.deliveries AS delivery
JOIN public.domain_events AS event ON event.id = delivery.source_id::bigint
WHERE delivery.id = ANY (%(ids)s) AND delivery.source = 'domain_events'
