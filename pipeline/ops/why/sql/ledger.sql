-- What the ledger says of an event. In: its id.
SELECT ledger.processing_status AS status, ledger.reason, ledger.error_message,
       ledger.completed_at,
       CASE
           WHEN event.created_at BETWEEN '0001-01-02 00:00:00+00' AND '9999-12-30 00:00:00+00'
           THEN ledger.completed_at - event.created_at
       END AS took,
       ledger.notifications, ledger.emails, ledger.pipeline_version
FROM public.notification_processing AS ledger
JOIN public.domain_events AS event ON event.id = ledger.event_id
WHERE ledger.event_id = %(event)s
