-- Two views of 0012 again, for events at infinity and statistics that are wrong.

-- An event whose created_at is infinity is recorded as any other. It has no age: it counts among those
-- that wait, but is never the oldest of them, and has no latency.
--
-- Events and ledger meet in a full join, which Postgres can only do by merging or hashing, and so in
-- time linear in both. Where it took either for a few rows, it compared all with all. For the same
-- reason the time of an event that was begun is looked up, not joined.
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
    -- Not IS NOT NULL of the event, by which the planner would see that it need not be full.
    WHERE ledger.event_id IS NULL AND coalesce(event.created_at, '-infinity') <> '-infinity'
    UNION ALL
    SELECT (SELECT created_at FROM public.domain_events WHERE id = ledger.event_id)
    FROM public.notification_processing AS ledger
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
