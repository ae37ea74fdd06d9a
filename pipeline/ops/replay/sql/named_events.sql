-- The type and state of each of these events that has a row or an open dead letter.
SELECT asked.id, coalesce(event.event_type, letter.event_type, ''), ledger.processing_status
FROM (SELECT DISTINCT id FROM unnest(%(ids)s::bigint[]) AS asked (id)) AS asked
LEFT JOIN public.domain_events AS event ON event.id = asked.id
LEFT JOIN public.notification_processing AS ledger ON ledger.event_id = asked.id
LEFT JOIN public.event_dead_letters AS letter
    ON letter.letter_key = 'event:' || asked.id AND letter.resolved_at IS NULL
WHERE event.id IS NOT NULL OR letter.id IS NOT NULL
ORDER BY asked.id
