-- The event types that are held back: since when, by whom, why, and how many events wait.
SELECT
    switch.name,
    switch.state,
    switch.who,
    switch.reason,
    extract(epoch FROM now() - switch.since)::float8 AS since_seconds,
    extract(epoch FROM switch.until - now())::float8 AS until_seconds,
    coalesce(waiting.events, 0) AS waiting
FROM fanout.switches AS switch
LEFT JOIN (
    SELECT event_type, count(*) AS events
    FROM public.notification_processing
    WHERE processing_status = 'paused'
    GROUP BY event_type
) AS waiting ON waiting.event_type = switch.name
ORDER BY switch.name
