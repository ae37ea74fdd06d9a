-- What waits: events without a final state, and e-mails to be sent.
-- A time as any other, though it be infinite: servers before 17 refuse the difference.
SELECT queue, waiting,
       CASE WHEN oldest_at IS NOT NULL THEN extract(epoch FROM now() - least(
           greatest(oldest_at, '0001-01-01 00:00:00+00'), '9999-12-31 00:00:00+00'))::float8
       END
FROM public.fanout_queue
