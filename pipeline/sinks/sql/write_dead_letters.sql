-- Record dead letters, and the state of the events they name in the ledger.
--
-- In: [{letter_key, event_id, event_type, stage, error_class, message, fingerprint, data (base64),
-- attributes}]; data and attributes only where domain_events has no row. A letter seen before gains
-- an attempt and is open again; an event that is completed stays completed.
--
-- The ledger comes first, as in write_outcomes.sql, or the two would deadlock: a part that no other
-- part reads is executed last.
WITH letter AS MATERIALIZED (
    SELECT letter.*
    FROM jsonb_to_recordset(%(letters)s::jsonb) AS letter (
        letter_key text, event_id bigint, event_type text, stage text, error_class text,
        message text, fingerprint text, data text, attributes jsonb
    )
),
recorded AS (
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
)
INSERT INTO public.notification_processing AS ledger (
    event_id, event_type, processing_status, reason, error_message, event_created_at, completed_at,
    retry_count, processor_id, pipeline_version
)
SELECT letter.event_id, origin.event_type, 'dead', error_class, message,
       origin.created_at, clock_timestamp(), 1, 'fanout', %(version)s
FROM letter
JOIN public.domain_events AS origin ON origin.id = letter.event_id
ORDER BY letter.event_id
ON CONFLICT (event_id) DO UPDATE SET
    event_type = excluded.event_type,
    processing_status = excluded.processing_status,
    reason = excluded.reason,
    error_message = excluded.error_message,
    event_created_at = excluded.event_created_at,
    completed_at = excluded.completed_at,
    processor_id = excluded.processor_id,
    pipeline_version = excluded.pipeline_version,
    retry_count = coalesce(ledger.retry_count, 0) + 1
WHERE ledger.processing_status <> 'completed'
