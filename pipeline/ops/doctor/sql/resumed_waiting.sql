-- Events that wait as paused although nothing holds their types back any more.
SELECT count(*) AS events
FROM public.notification_processing AS ledger
WHERE ledger.processing_status = 'paused'
    AND NOT EXISTS (SELECT FROM fanout.switches AS switch WHERE switch.name = ledger.event_type)
