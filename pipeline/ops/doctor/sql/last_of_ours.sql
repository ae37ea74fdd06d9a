-- Seconds since this pipeline finished an event. Looks at the last minutes of the ledger only.
SELECT extract(epoch FROM now() - max(completed_at))::float8 AS seconds
FROM public.notification_processing
WHERE processor_id = 'fanout'
    AND isfinite(completed_at)
    AND date_bin('1 minute', completed_at, '2000-01-01 00:00:00+00') >= (
        SELECT max(date_bin('1 minute', completed_at, '2000-01-01 00:00:00+00'))
        FROM public.notification_processing
        WHERE date_bin('1 minute', completed_at, '2000-01-01 00:00:00+00') <= now()
    ) - interval '10 minutes'
