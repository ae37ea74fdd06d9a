-- The queues: events without a final state, and e-mails to be sent.
-- The limits avoid an infinite difference, which servers before 17 refuse. CASE keeps NULL for an
-- empty queue, because greatest ignores NULL.
SELECT queue, waiting,
       CASE WHEN oldest_at IS NOT NULL THEN
           extract(epoch FROM now() - least(
               greatest(oldest_at, '0001-01-01 00:00:00+00'), '9999-12-31 00:00:00+00'))::float8
       END
FROM public.fanout_queue
