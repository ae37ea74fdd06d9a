-- Take dead letters that nobody has published in time, the oldest first, for a minute. In: topic; most. Out:
-- what their messages say. A dead letter that a person resolved meanwhile, or deleted, is forgotten.
WITH due AS MATERIALIZED (
    SELECT waiting.letter_key, EXISTS (
        SELECT FROM public.event_dead_letters AS letter
        WHERE letter.letter_key = waiting.letter_key AND letter.resolved_at IS NULL
    ) AS is_open
    FROM fanout.unpublished_letters AS waiting
    WHERE waiting.topic = %(topic)s AND waiting.due_at <= now()
    ORDER BY waiting.due_at
    LIMIT %(most)s
    FOR UPDATE OF waiting SKIP LOCKED
),
forgotten AS (
    DELETE FROM fanout.unpublished_letters
    WHERE letter_key = ANY (ARRAY(SELECT letter_key FROM due WHERE NOT is_open))
),
taken AS (
    UPDATE fanout.unpublished_letters SET due_at = now() + interval '1 minute'
    WHERE letter_key = ANY (ARRAY(SELECT letter_key FROM due WHERE is_open))
    RETURNING letter_key
)
SELECT letter_key, event_type, stage, error_class, message, fingerprint, pipeline_version
FROM public.event_dead_letters
WHERE letter_key = ANY (ARRAY(SELECT letter_key FROM taken))
ORDER BY letter_key
