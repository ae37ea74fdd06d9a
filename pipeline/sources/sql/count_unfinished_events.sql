-- How many events unfinished_events.sql would find.
SELECT count(*)
FROM public.domain_events AS event
WHERE (%(event_type)s::text IS NULL OR event.event_type = %(event_type)s)
AND (%(since)s::timestamptz IS NULL OR event.created_at >= %(since)s)
AND (%(until)s::timestamptz IS NULL OR event.created_at < %(until)s)
AND event.created_at <= now() - %(older_than)s
AND NOT EXISTS (
    SELECT
    FROM public.notification_processing AS ledger
    WHERE ledger.event_id = event.id
    AND ledger.processing_status IN ('completed', 'expired', 'unrouted', 'dead')
)
