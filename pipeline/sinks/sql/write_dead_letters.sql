-- Record dead letters of any family.
--
-- In: [{letter_key, event_id, event_type, stage, error_class, message, fingerprint, data (base64),
-- attributes}], each key once. event_id only if the row is in domain_events; data and attributes
-- only if there is no row; topic, or null if they are not published. If the dead letter already
-- exists, its attempt is incremented and it is open again.
WITH letter AS MATERIALIZED (
    SELECT letter.*
    FROM jsonb_to_recordset(%(letters)s::jsonb) AS letter (
        letter_key text, event_id bigint, event_type text, stage text, error_class text,
        message text, fingerprint text, data text, attributes jsonb
    )
),
-- Until they are published: see unpublished_letters.sql.
unpublished AS (
    INSERT INTO fanout.unpublished_letters (letter_key, topic)
    SELECT letter_key, %(topic)s
    FROM letter
    WHERE %(topic)s::text IS NOT NULL
    ORDER BY letter_key
    ON CONFLICT (letter_key) DO UPDATE SET topic = excluded.topic, due_at = excluded.due_at
)
INSERT INTO public.event_dead_letters AS earlier (
    letter_key, event_id, event_type, stage, error_class, message, fingerprint, data,
    attributes, pipeline_version
)
SELECT letter_key, event_id, event_type, stage, error_class, message, fingerprint,
       decode(data, 'base64'), nullif(attributes, 'null'), %(version)s
FROM letter
ORDER BY letter_key
ON CONFLICT (letter_key) DO UPDATE SET
    event_type = excluded.event_type,
    stage = excluded.stage,
    error_class = excluded.error_class,
    message = excluded.message,
    fingerprint = excluded.fingerprint,
    data = excluded.data,
    attributes = excluded.attributes,
    pipeline_version = excluded.pipeline_version,
    attempt = earlier.attempt + 1,
    last_seen_at = now(),
    resolved_at = NULL,
    resolution = NULL
