-- Events that still wait as paused although no switch holds back their type.
SELECT count(*) AS events
FROM public.notification_processing AS ledger
WHERE ledger.processing_status = 'paused'
    AND NOT EXISTS (SELECT FROM fanout.switches AS switch WHERE switch.name = ledger.event_type)
