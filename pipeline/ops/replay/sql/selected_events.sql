-- The events in a range of ids that meet the conditions, with their states, by id.
SELECT event.id, event.event_type, ledger.processing_status
FROM public.domain_events AS event
LEFT JOIN public.notification_processing AS ledger ON ledger.event_id = event.id
WHERE event.id > %(after)s
AND event.id <= %(last)s
AND (%(event_type)s::text IS NULL OR event.event_type = %(event_type)s)
AND (%(since)s::timestamptz IS NULL OR event.created_at >= %(since)s)
AND (%(until)s::timestamptz IS NULL OR event.created_at < %(until)s)
AND (
    NOT %(missing)s
    OR ledger.processing_status IS NULL
    OR ledger.processing_status NOT IN ('completed', 'expired', 'unrouted', 'dead')
)
ORDER BY event.id
