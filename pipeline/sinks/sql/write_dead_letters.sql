-- Record dead letters, and the state of the events they name in the ledger.
--
-- In: [{letter_key, event_id, event_type, stage, error_class, message, fingerprint, data (base64),
-- attributes}]. A letter seen before gains an attempt and is open again; an event that is completed
-- stays completed.
--
-- A letter holds what its event is dead of, and the message that a replay sends where domain_events
-- has no row. While it is open it gives way to what comes later, except to another message that
-- could not even be decoded. That is a malformed duplicate: had it the letter's place, a replay of
-- the cause would not find the event, nor could its message be sent again. It counts as an attempt,
-- and the dead-letter topic has it. What a replay sends is no duplicate: it says what the row is
-- like now.
--
-- The ledger comes first, as in write_outcomes.sql, or the two would deadlock: a part that no other
-- part reads is executed last. So the ledger learns from a look ahead which cause is kept.
WITH letter AS MATERIALIZED (
    SELECT letter.*,
           letter.stage = 'decode'
               AND (decode(letter.data, 'base64'), letter.attributes)
                   IS DISTINCT FROM (earlier.data, earlier.attributes)
               AND NOT letter.attributes ? 'replay'
               AND earlier.id IS NOT NULL
               AND earlier.resolved_at IS NULL AS is_duplicate,
           earlier.error_class AS earlier_class,
           earlier.message AS earlier_message
    FROM jsonb_to_recordset(%(letters)s::jsonb) AS letter (
        letter_key text, event_id bigint, event_type text, stage text, error_class text,
        message text, fingerprint text, data text, attributes jsonb
    )
    LEFT JOIN public.event_dead_letters AS earlier USING (letter_key)
),
recorded AS (
    INSERT INTO public.event_dead_letters AS earlier (
        letter_key, event_id, event_type, stage, error_class, message, fingerprint, data,
        attributes, pipeline_version
    )
    SELECT letter_key, event_id, event_type, stage, error_class, message, fingerprint,
           decode(data, 'base64'), attributes, %(version)s
    FROM letter
    ORDER BY letter_key
    ON CONFLICT (letter_key) DO UPDATE SET
        (event_type, stage, error_class, message, fingerprint, data, attributes, pipeline_version)
        = (
            SELECT (kept).event_type, (kept).stage, (kept).error_class, (kept).message,
                   (kept).fingerprint, (kept).data, (kept).attributes, (kept).pipeline_version
            FROM (
                SELECT CASE
                    WHEN excluded.stage = 'decode'
                        AND (excluded.data, excluded.attributes)
                            IS DISTINCT FROM (earlier.data, earlier.attributes)
                        AND NOT excluded.attributes ? 'replay'
                        AND earlier.resolved_at IS NULL
                    THEN earlier
                    ELSE excluded
                END AS kept
            ) AS either
        ),
        attempt = earlier.attempt + 1,
        last_seen_at = now(),
        resolved_at = NULL,
        resolution = NULL
)
INSERT INTO public.notification_processing AS ledger (
    event_id, event_type, processing_status, reason, error_message, event_created_at, completed_at,
    retry_count, processor_id, pipeline_version
)
SELECT letter.event_id, origin.event_type, 'dead',
       CASE WHEN is_duplicate THEN earlier_class ELSE error_class END,
       CASE WHEN is_duplicate THEN earlier_message ELSE message END,
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
