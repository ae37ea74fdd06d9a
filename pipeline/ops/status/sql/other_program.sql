-- Another program that processes the same events: its name, and seconds since its last row. No row if
-- neither the last minutes of the ledger nor its unfinished events show one.
SELECT name, extract(epoch FROM now() - at)::float8 AS seconds
FROM (
    SELECT processor_id, completed_at
    FROM public.notification_processing
    WHERE date_bin('1 minute', completed_at, '2000-01-01 00:00:00+00') >= (
            SELECT max(date_bin('1 minute', completed_at, '2000-01-01 00:00:00+00'))
            FROM public.notification_processing
            WHERE date_bin('1 minute', completed_at, '2000-01-01 00:00:00+00') <= now()
        ) - interval '10 minutes'
    UNION ALL
    SELECT processor_id, claimed_at
    FROM public.notification_processing
    WHERE processing_status IN ('pending', 'processing', 'failed')
) AS worked (name, at)
WHERE name <> 'fanout' AND isfinite(at)
ORDER BY at DESC
LIMIT 1
