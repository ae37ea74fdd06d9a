-- The dead letter of one event of reactions. In: reaction, its id.
SELECT letter.id, letter.stage, letter.error_class, letter.message, letter.fingerprint,
       letter.attempt, letter.created_at, letter.last_seen_at, letter.resolved_at, letter.resolution
FROM public.event_dead_letters AS letter
WHERE letter.letter_key = 'events:' || %(reaction)s::uuid
