-- Events per final state in each of the last 60 minutes. Minute 0 is the current one.
SELECT
    ((extract(epoch FROM date_bin('1 minute', now(), '2000-01-01 00:00:00+00') - minute)) / 60)::int
        AS minutes_ago,
    state,
    sum(events)::bigint AS events
FROM public.fanout_events_per_minute
WHERE minute > now() - interval '1 hour'
AND minute <= now()
GROUP BY 1, 2
