-- As letter.sql, without the message that failed: for who may know why, and read no payload.
SELECT letter.id, letter.letter_key, letter.event_id, letter.event_type, letter.stage,
       letter.error_class, letter.message, letter.fingerprint, letter.attempt,
       letter.pipeline_version, letter.created_at, letter.last_seen_at, letter.resolved_at,
       letter.resolution, NULL::jsonb AS attributes, NULL::bytea AS data
FROM public.event_dead_letters AS letter
WHERE letter.id = %(letter_id)s OR letter.letter_key = %(letter_key)s::text
