-- Per event type and final state: events and effects a minute, the mean of the last five full minutes.
SELECT
    event_type,
    state,
    (sum(events) / 5)::float8 AS events,
    (sum(notifications) / 5)::float8 AS notifications,
    (sum(emails) / 5)::float8 AS emails
FROM public.fanout_events_per_minute
WHERE minute >= date_bin('1 minute', now(), '2000-01-01 00:00:00+00') - interval '5 minutes'
    AND minute < date_bin('1 minute', now(), '2000-01-01 00:00:00+00')
GROUP BY event_type, state
