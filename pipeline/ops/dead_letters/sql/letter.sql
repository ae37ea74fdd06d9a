-- One dead letter by its own id or by its event's, and the state that the ledger holds of the event.
-- A letter keeps a message only where there is no row; elsewhere the row's payload is shown.
SELECT letter.id, letter.event_id, letter.event_type, letter.stage, letter.error_class,
       letter.message, letter.fingerprint, letter.attempt, letter.pipeline_version,
       letter.created_at, letter.last_seen_at, letter.resolved_at, letter.resolution,
       ledger.processing_status AS event_state, letter.attributes,
       coalesce(letter.data, convert_to(left(event.payload::text, 100000), 'UTF8')) AS data
FROM public.event_dead_letters AS letter
LEFT JOIN public.notification_processing AS ledger ON ledger.event_id = letter.event_id
LEFT JOIN public.domain_events AS event ON event.id = letter.event_id
WHERE letter.id = %(letter_id)s OR letter.letter_key = 'event:' || %(event_id)s::bigint
