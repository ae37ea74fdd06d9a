-- What waits: events without a final state, and e-mails to be sent.
SELECT queue, waiting, oldest_seconds FROM public.fanout_queue
