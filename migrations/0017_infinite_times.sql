-- What counts time from created_at, where created_at may be infinity.

-- Such an event is recorded as any other. It has no age: it counts among those that wait, but is never
-- the oldest of them, and has no latency. Both views are those of 0012 but for that.
CREATE OR REPLACE VIEW public.fanout_latency WITH (security_invoker = true) AS
SELECT
    minute,
    count(*) AS events,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50_seconds,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) AS p95_seconds,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds) AS p99_seconds
FROM (
    SELECT
        date_bin('1 minute', completed_at, '2000-01-01 00:00:00+00'::timestamptz) AS minute,
        extract(epoch FROM completed_at - event_created_at)::float8 AS seconds
    FROM public.notification_processing
    WHERE processing_status = 'completed' AND isfinite(event_created_at)
) AS completed
WHERE minute IS NOT NULL
GROUP BY minute;

CREATE OR REPLACE VIEW public.fanout_queue WITH (security_invoker = true) AS
WITH recent AS MATERIALIZED (
    -- "+ 0" keeps the planner from walking the primary key through all older events.
    SELECT min(id + 0) AS first_id
    FROM public.domain_events
    WHERE created_at > now() - interval '2 days'
),
unfinished AS (
    SELECT event.created_at
    FROM public.domain_events AS event
    WHERE event.id >= (SELECT first_id FROM recent)
        AND event.created_at > now() - interval '2 days'
        AND NOT EXISTS (
            SELECT
            FROM public.notification_processing AS ledger
            WHERE ledger.event_id = event.id
                AND ledger.event_id >= (SELECT first_id FROM recent)
        )
    UNION ALL
    SELECT event.created_at
    FROM public.notification_processing AS ledger
    JOIN public.domain_events AS event ON event.id = ledger.event_id
    WHERE ledger.processing_status IN ('pending', 'processing', 'failed')
),
waiting (queue, created_at) AS (
    SELECT 'events', created_at FROM unfinished
    UNION ALL
    SELECT 'emails:' || delivery_type, created_at
    FROM public.pending_emails
    WHERE status = 'pending'
)
SELECT
    queue,
    count(waiting.created_at) AS waiting,
    min(waiting.created_at) FILTER (WHERE isfinite(waiting.created_at)) AS oldest_at,
    extract(
        epoch FROM now() - min(waiting.created_at) FILTER (WHERE isfinite(waiting.created_at))
    )::float8 AS oldest_seconds
FROM (VALUES ('events'), ('emails:immediate'), ('emails:aggregated')) AS known (queue)
LEFT JOIN waiting USING (queue)
GROUP BY queue;
