-- The dead letter of an event. The event itself may not exist. In: its id.
SELECT letter.id, letter.stage, letter.error_class, letter.message, letter.fingerprint,
       letter.attempt, letter.created_at, letter.last_seen_at, letter.resolved_at, letter.resolution
FROM public.event_dead_letters AS letter
WHERE letter.event_id = %(event)s
ORDER BY letter.last_seen_at DESC
LIMIT 1
