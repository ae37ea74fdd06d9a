-- Seconds from an event's created_at to its rows, over the last five full minutes and the current one.
-- The first condition uses the index of fanout_latency.
SELECT
    percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50_seconds,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) AS p95_seconds,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds) AS p99_seconds
FROM (
    SELECT extract(epoch FROM completed_at - event_created_at)::float8 AS seconds
    FROM public.notification_processing
    WHERE date_bin('1 minute', completed_at, '2000-01-01 00:00:00+00')
            >= date_bin('1 minute', now(), '2000-01-01 00:00:00+00') - interval '5 minutes'
        AND date_bin('1 minute', completed_at, '2000-01-01 00:00:00+00') <= now()
        AND processing_status = 'completed'
        AND isfinite(event_created_at)
) AS completed
