-- One page of events that the ledger holds no final state of, by id.
-- The ledger decides, not the highest id seen: an event that commits late is found by the next pass.
-- A time as text, since it may be one that Python has no type for: infinity comes out as NULL.
SELECT event.id, event.event_type,
       to_char(event.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       event.actor_id, event.project_id, event.resource_id, event.thread_id, event.meeting_id,
       event.payload::text
FROM public.domain_events AS event
WHERE event.id > %(after)s
AND event.id <= %(last)s
AND (%(event_type)s::text IS NULL OR event.event_type = %(event_type)s)
AND (%(since)s::timestamptz IS NULL OR event.created_at >= %(since)s)
AND (%(until)s::timestamptz IS NULL OR event.created_at < %(until)s)
AND event.created_at <= now() - %(older_than)s
AND NOT EXISTS (
    SELECT
    FROM public.notification_processing AS ledger
    WHERE ledger.event_id = event.id
    AND ledger.processing_status IN ('completed', 'expired', 'unrouted', 'dead')
)
ORDER BY event.id
LIMIT %(page)s
