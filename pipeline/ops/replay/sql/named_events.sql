-- The type and state of each of these events that has a row or an open dead letter. An event whose ledger
-- row retention has deleted counts as completed: see migrations/0025_retention_marks.sql.
SELECT asked.id, coalesce(event.event_type, letter.event_type, ''),
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
FROM (SELECT DISTINCT id FROM unnest(%(ids)s::bigint[]) AS asked (id)) AS asked
LEFT JOIN public.domain_events AS event ON event.id = asked.id
LEFT JOIN public.notification_processing AS ledger ON ledger.event_id = asked.id
LEFT JOIN public.event_dead_letters AS letter
    ON letter.letter_key = 'event:' || asked.id AND letter.resolved_at IS NULL
WHERE event.id IS NOT NULL OR letter.id IS NOT NULL
ORDER BY asked.id
