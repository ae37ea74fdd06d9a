-- One dead letter by its own id or by its event's, and the state that the ledger holds of the event.
-- A letter keeps a message only where there was no row; elsewhere there is the row's payload, as it
-- stands now, of which the first characters are enough for a person.
SELECT letter.id, letter.event_id, letter.event_type, letter.stage, letter.error_class,
       letter.message, letter.fingerprint, letter.attempt, letter.pipeline_version,
       letter.created_at, letter.last_seen_at, letter.resolved_at, letter.resolution,
       ledger.processing_status AS event_state, letter.attributes,
       letter.data, left(event.payload, %(most)s) AS payload,
       length(event.payload) AS payload_characters
FROM public.event_dead_letters AS letter
LEFT JOIN public.notification_processing AS ledger ON ledger.event_id = letter.event_id
LEFT JOIN LATERAL (
    SELECT payload::text FROM public.domain_events WHERE id = letter.event_id
) AS event ON true
WHERE letter.id = %(letter_id)s OR letter.letter_key = 'event:' || %(event_id)s::bigint
