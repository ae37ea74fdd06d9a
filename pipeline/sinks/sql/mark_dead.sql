-- Mark events as dead in the ledger. A completed event stays completed.
--
-- In: [{event_id, error_class, message}], each event once. Events without a row in
-- domain_events are ignored.
WITH letter AS MATERIALIZED (
    SELECT letter.*
    FROM jsonb_to_recordset(%(letters)s::jsonb) AS letter (
        event_id bigint, error_class text, message text
    )
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
