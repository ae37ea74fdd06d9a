-- Dead letters by cause, the most recently seen first, with the message of one of them.
SELECT letter.fingerprint,
       letter.stage,
       letter.error_class,
       min(letter.message) AS message,
       coalesce(
           array_agg(DISTINCT letter.event_type) FILTER (WHERE letter.event_type IS NOT NULL), '{}'
       ) AS event_types,
       count(*) AS letters,
       count(*) FILTER (WHERE letter.resolved_at IS NULL) AS open,
       sum(letter.attempt)::bigint AS attempts,
       min(letter.created_at) AS first_seen,
       max(letter.last_seen_at) AS last_seen,
       max(letter.event_id) AS sample_event_id,
       max(substr(letter.letter_key, length('events:') + 1))
           FILTER (WHERE letter.letter_key LIKE 'events:%%')::uuid AS sample_reaction_id,
       max(letter.id) AS sample_id
FROM public.event_dead_letters AS letter
WHERE %(resolved)s OR letter.resolved_at IS NULL
GROUP BY letter.fingerprint, letter.stage, letter.error_class
ORDER BY last_seen DESC, letter.fingerprint
LIMIT %(most)s::bigint
