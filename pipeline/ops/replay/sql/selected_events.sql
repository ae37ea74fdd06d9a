-- The events in a range of ids that meet the conditions, with their states, by id. An event whose ledger
-- row retention has deleted counts as completed: see migrations/0025_retention_marks.sql.
SELECT event.id, event.event_type, state.status
FROM public.domain_events AS event
LEFT JOIN public.notification_processing AS ledger ON ledger.event_id = event.id
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN ledger.event_id IS NOT NULL THEN ledger.processing_status
        WHEN event.id > (SELECT max(last_event_id) FROM fanout.retention_marks) THEN NULL
        WHEN event.created_at < (
            SELECT created_before
            FROM fanout.retention_marks
            WHERE last_event_id >= event.id
            ORDER BY last_event_id
            LIMIT 1
        ) THEN 'completed'
    END AS status
) AS state
WHERE event.id > %(after)s
AND event.id <= %(last)s
AND (%(event_type)s::text IS NULL OR event.event_type = %(event_type)s)
AND (%(since)s::timestamptz IS NULL OR event.created_at >= %(since)s)
AND (%(until)s::timestamptz IS NULL OR event.created_at < %(until)s)
AND (NOT %(unrouted)s OR state.status = 'unrouted')
AND (
    NOT %(missing)s
    OR state.status IS NULL
    OR state.status NOT IN ('completed', 'expired', 'unrouted', 'dead')
)
ORDER BY event.id
