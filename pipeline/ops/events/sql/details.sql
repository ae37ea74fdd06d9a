-- What the ledger has of an event besides its state. No row without a ledger row. In: event.
SELECT ledger.skipped, ledger.error_message AS error, ledger.pipeline_version,
       CASE ledger.processing_status WHEN 'paused' THEN ledger.paused_at END AS paused_at
FROM public.notification_processing AS ledger
WHERE ledger.event_id = %(event)s
