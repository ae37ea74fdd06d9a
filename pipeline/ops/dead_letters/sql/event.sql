-- The state of a dead event in the ledger, and the first characters of the payload in its row, which
-- are enough for a person. Always one row.
SELECT (
           SELECT processing_status FROM public.notification_processing WHERE event_id = %(event_id)s
       ) AS event_state,
       left(event.payload, %(most)s) AS payload,
       length(event.payload) AS payload_characters
FROM (VALUES (%(event_id)s::bigint)) AS asked (id)
LEFT JOIN LATERAL (
    SELECT payload::text FROM public.domain_events WHERE id = asked.id
) AS event ON true
