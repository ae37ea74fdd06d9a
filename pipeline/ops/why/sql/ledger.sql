-- The event's row in the ledger. In: its id.
SELECT ledger.processing_status AS status, ledger.reason, ledger.error_message,
       ledger.completed_at,
       CASE
           WHEN isfinite(ledger.completed_at) AND isfinite(event.created_at)
           THEN ledger.completed_at - event.created_at
       END AS took,
       ledger.notifications, ledger.emails, ledger.pipeline_version,
       CASE ledger.processing_status WHEN 'paused' THEN ledger.paused_at END AS paused_at,
       EXISTS (
           SELECT FROM fanout.switches AS switch WHERE switch.name = event.event_type::text
       ) AS held
FROM public.notification_processing AS ledger
JOIN public.domain_events AS event ON event.id = ledger.event_id
WHERE ledger.event_id = %(event)s
