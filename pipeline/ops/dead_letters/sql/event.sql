-- What the ledger and the row say of a dead event now: of the payload the first characters, which are
-- enough for a person. One row, whatever there is.
SELECT (
           SELECT processing_status FROM public.notification_processing WHERE event_id = %(event_id)s
       ) AS event_state,
       left(event.payload, %(most)s) AS payload,
       length(event.payload) AS payload_characters
FROM (VALUES (%(event_id)s::bigint)) AS asked (id)
LEFT JOIN LATERAL (
    SELECT payload::text FROM public.domain_events WHERE id = asked.id
) AS event ON true
