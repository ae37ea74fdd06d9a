-- Whether the pipeline runs: the waiting events, the last finished event, the connected pipelines.
--
-- An event is passed over if it has no row in the ledger although an event that is a minute younger
-- has a final state. Reads the events of two days, as fanout_queue does, in the same full join, whose
-- cost is linear in every plan. The last finished event comes from the index of minutes.
WITH recent AS MATERIALIZED (
    SELECT min(id + 0) AS first_id
    FROM public.domain_events
    WHERE created_at > now() - interval '2 days'
),
newest AS MATERIALIZED (
    SELECT max(date_bin('1 minute', completed_at, '2000-01-01 00:00:00+00')) AS minute
    FROM public.notification_processing
    WHERE date_bin('1 minute', completed_at, '2000-01-01 00:00:00+00') <= now()
),
done AS MATERIALIZED (
    SELECT
        max(completed_at) FILTER (WHERE processor_id = 'fanout' AND isfinite(completed_at))
            AS last_at,
        max(event_created_at) FILTER (WHERE isfinite(event_created_at)) AS youngest
    FROM public.notification_processing
    WHERE date_bin('1 minute', completed_at, '2000-01-01 00:00:00+00')
        >= (SELECT minute FROM newest) - interval '10 minutes'
),
waiting AS MATERIALIZED (
    SELECT event.created_at, event.created_at < done.youngest - interval '1 minute' AS passed_over
    FROM (
        SELECT id, created_at
        FROM public.domain_events
        WHERE id >= (SELECT first_id FROM recent) AND created_at > now() - interval '2 days'
    ) AS event
    FULL JOIN (
        SELECT event_id
        FROM public.notification_processing
        WHERE event_id >= (SELECT first_id FROM recent)
    ) AS ledger ON ledger.event_id = event.id
    CROSS JOIN done
    -- coalesce, because IS NOT NULL would let the planner reduce the full join.
    WHERE ledger.event_id IS NULL AND coalesce(event.created_at, '-infinity') <> '-infinity'
    UNION ALL
    SELECT (SELECT created_at FROM public.domain_events WHERE id = ledger.event_id), false
    FROM public.notification_processing AS ledger
    WHERE ledger.processing_status IN ('pending', 'processing', 'failed')
)
SELECT
    (SELECT count(*) FROM waiting) AS waiting,
    extract(epoch FROM now() - (
        SELECT min(created_at) FROM waiting
        WHERE isfinite(created_at) AND created_at > '0001-01-01 00:00:00+00'
    ))::float8 AS oldest_seconds,
    (SELECT count(*) FROM waiting WHERE passed_over) AS passed_over,
    extract(epoch FROM now() - (SELECT last_at FROM done))::float8 AS done_seconds,
    ARRAY(
        SELECT DISTINCT substr(application_name, 8)
        FROM pg_catalog.pg_stat_activity
        WHERE datname = current_database() AND application_name ~ '^fanout [0-9]'
        ORDER BY 1
    ) AS versions
