-- One page of the events with open dead letters that meet the conditions, with their states, by id.
-- A letter that names no event is not listed, because it cannot be replayed. An event whose ledger row
-- retention has deleted counts as completed: see migrations/0025_retention_marks.sql.
SELECT letter.event_id, coalesce(event.event_type, letter.event_type, ''),
       CASE
           WHEN ledger.event_id IS NOT NULL THEN ledger.processing_status
           WHEN event.created_at < (
               SELECT created_before
               FROM fanout.retention_marks
               WHERE last_event_id >= event.id
               ORDER BY last_event_id
               LIMIT 1
           ) THEN 'completed'
       END
FROM public.event_dead_letters AS letter
LEFT JOIN public.domain_events AS event ON event.id = letter.event_id
LEFT JOIN public.notification_processing AS ledger ON ledger.event_id = letter.event_id
WHERE letter.resolved_at IS NULL
AND letter.event_id > %(after)s
AND (%(fingerprint)s::text IS NULL OR letter.fingerprint = %(fingerprint)s)
AND (
    %(event_type)s::text IS NULL
    OR coalesce(event.event_type, letter.event_type) = %(event_type)s
)
AND (%(since)s::timestamptz IS NULL OR coalesce(event.created_at, letter.created_at) >= %(since)s)
AND (%(until)s::timestamptz IS NULL OR coalesce(event.created_at, letter.created_at) < %(until)s)
ORDER BY letter.event_id
LIMIT %(page)s
