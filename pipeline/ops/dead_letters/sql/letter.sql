-- One dead letter of any family, by its own id or by its key, such as event:42.
SELECT letter.id, letter.letter_key, letter.event_id, letter.event_type, letter.stage,
       letter.error_class, letter.message, letter.fingerprint, letter.attempt,
       letter.pipeline_version, letter.created_at, letter.last_seen_at, letter.resolved_at,
       letter.resolution, letter.attributes, letter.data
FROM public.event_dead_letters AS letter
WHERE letter.id = %(letter_id)s OR letter.letter_key = %(letter_key)s::text
