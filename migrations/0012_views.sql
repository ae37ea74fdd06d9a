-- What an operator looks at, in psql or Grafana: rates, latency, backlog, failures.

-- Costs below: Postgres 18, 10 million events of 6 days in both tables, 2 busy cores.
--
-- The two views per minute group by this expression, so that a bound on minute reads that part of
-- the index and no more: the last two hours, 620,000 events, in 0.3 s for the rates and 0.7 s for
-- the latency. Without a bound they read the whole ledger. The index has 69 MB, for Postgres stores
-- equal keys once (an index on completed_at itself would have 216 MB), and costs the write of an
-- event 65 bytes of log and 0 to 2 of its 15 microseconds: less than what the measurement varies by.
--
-- It is built in 3 s, in the file's transaction, while writers of the ledger wait. Where that is too
-- long, create it beforehand, CONCURRENTLY and under this name.
CREATE INDEX IF NOT EXISTS notification_processing_minute_idx
    ON public.notification_processing (
        date_bin('1 minute', completed_at, '2000-01-01 00:00:00+00'::timestamptz));

CREATE VIEW public.fanout_events_per_minute WITH (security_invoker = true) AS
SELECT
    date_bin('1 minute', completed_at, '2000-01-01 00:00:00+00'::timestamptz) AS minute,
    event_type,
    processing_status AS state,
    count(*) AS events,
    coalesce(sum(notifications), 0) AS notifications,
    coalesce(sum(emails), 0) AS emails
FROM public.notification_processing
WHERE completed_at IS NOT NULL
    AND processing_status IN ('completed', 'expired', 'unrouted', 'dead')
GROUP BY 1, 2, 3;

COMMENT ON VIEW public.fanout_events_per_minute IS
    'events by the minute in which they got their final state; ask with a bound on minute';

CREATE VIEW public.fanout_latency WITH (security_invoker = true) AS
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
    WHERE processing_status = 'completed' AND event_created_at IS NOT NULL
) AS completed
WHERE minute IS NOT NULL
GROUP BY minute;

COMMENT ON VIEW public.fanout_latency IS
    'seconds from an event''s created_at to its rows, by minute; ask with a bound on minute';

-- Two days, twice the age at which events expire unless told otherwise: older ones tell nobody
-- anything any more. domain_events_created_at_idx finds the first of them, then both primary keys
-- are read side by side from there: 1.6 s for the 3.3 million events of two days. What the pipeline
-- has begun comes from notification_processing_not_completed_idx, whatever its age, and e-mails from
-- pending_emails_status_delivery_type_created_at_idx.
CREATE VIEW public.fanout_queue WITH (security_invoker = true) AS
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
    min(waiting.created_at) AS oldest_at,
    extract(epoch FROM now() - min(waiting.created_at))::float8 AS oldest_seconds
FROM (VALUES ('events'), ('emails:immediate'), ('emails:aggregated')) AS known (queue)
LEFT JOIN waiting USING (queue)
GROUP BY queue;

COMMENT ON VIEW public.fanout_queue IS
    'events of two days without a final state, and e-mails to be sent; waits count from created_at';

-- event_dead_letters_open_idx leads to the open ones, and they are all it reads: 9 ms for 10,000.
CREATE VIEW public.fanout_failures WITH (security_invoker = true) AS
SELECT
    fingerprint,
    (array_agg(error_class ORDER BY last_seen_at DESC, id DESC))[1] AS error_class,
    (array_agg(stage ORDER BY last_seen_at DESC, id DESC))[1] AS stage,
    (array_agg(message ORDER BY last_seen_at DESC, id DESC))[1] AS message,
    count(*) AS letters,
    min(created_at) AS first_seen_at,
    max(last_seen_at) AS last_seen_at,
    (array_agg(event_id ORDER BY last_seen_at DESC, id DESC)
        FILTER (WHERE event_id IS NOT NULL))[1] AS sample_event_id
FROM public.event_dead_letters
WHERE resolved_at IS NULL
GROUP BY fingerprint;

COMMENT ON VIEW public.fanout_failures IS
    'open dead letters by cause; class, stage, message and sample are those of the one seen last';

-- For operators alone, whatever the application's default privileges gave to its own users.
DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT
            relation.oid::regclass AS view_name,
            CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END AS grantee
        FROM pg_catalog.pg_class AS relation
        CROSS JOIN aclexplode(relation.relacl) AS acl
        WHERE relation.oid = ANY (ARRAY[
                'public.fanout_events_per_minute',
                'public.fanout_latency',
                'public.fanout_queue',
                'public.fanout_failures']::regclass[])
            AND acl.grantee <> relation.relowner
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s', given.view_name, given.grantee);
    END LOOP;
END
$$;

GRANT SELECT ON
    public.fanout_events_per_minute,
    public.fanout_latency,
    public.fanout_queue,
    public.fanout_failures
TO fanout_operator;
