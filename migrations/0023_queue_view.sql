-- The view of 0018 again: what waits behind a switch is counted apart, as paused.

-- It is not among the unfinished events, which somebody has to see to, and its wait counts from when it
-- was paused.
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
    UNION ALL
    SELECT 'paused', paused_at
    FROM public.notification_processing
    WHERE processing_status = 'paused'
)
SELECT
    queue,
    count(waiting.created_at) AS waiting,
    min(waiting.created_at) FILTER (WHERE isfinite(waiting.created_at)) AS oldest_at,
    extract(
        epoch FROM now() - min(waiting.created_at) FILTER (WHERE isfinite(waiting.created_at))
    )::float8 AS oldest_seconds
FROM (
    VALUES ('events'), ('paused'), ('emails:immediate'), ('emails:aggregated')
) AS known (queue)
LEFT JOIN waiting USING (queue)
GROUP BY queue;

COMMENT ON VIEW public.fanout_queue IS
    'events of two days without a final state, those that are paused, and e-mails to be sent';
