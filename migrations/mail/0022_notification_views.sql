-- Mails in the words of the queue of notifications: one row a mail, its events, and five reports.
--
-- A view shows only what its reader may see. None shows a payload, and an address only as its hash.

-- status: queued until the mail has ended. attempts: tries that count. next_retry_at: when it may be
-- taken. is_ready: the sender would take it now, exactly as its claim does.
CREATE VIEW fanout.mails WITH (security_invoker = true) AS
SELECT
    delivery.id,
    delivery.kind AS type,
    delivery.recipient AS recipient_email,
    delivery.user_id,
    transactional.booking_id,
    CASE delivery.state
        WHEN 'done' THEN 'sent'
        WHEN 'dead' THEN 'failed'
        WHEN 'cancelled' THEN 'cancelled'
        WHEN 'expired' THEN 'expired'
        ELSE 'queued'
    END AS status,
    delivery.failures + (delivery.state = 'done')::int AS attempts,
    -- What failed before a success stays to be seen.
    coalesce(delivery.reason, (
        SELECT tried.reason
        FROM fanout.attempts AS tried
        WHERE tried.source = 'deliveries'
            AND tried.record_id = delivery.id::text
            AND tried.reason IS NOT NULL
        ORDER BY tried.number DESC
        LIMIT 1
    )) AS last_error,
    delivery.created_at,
    CASE delivery.state WHEN 'done' THEN delivery.finished_at END AS sent_at,
    CASE WHEN delivery.state IN ('pending', 'waiting') THEN delivery.next_attempt_at END
        AS next_retry_at,
    delivery.sequence,
    delivery.state,
    delivery.priority,
    delivery.deliver_at,
    delivery.expires_at,
    delivery.finished_at,
    delivery.attempts AS tries,
    delivery.provider,
    delivery.provider_id,
    delivery.state IN ('pending', 'waiting', 'leased') AND delivery.next_attempt_at <= now()
        AS is_ready,
    -- Such a row has had all of its tries and should have ended.
    delivery.finished_at IS NULL AND fanout.calculate_next_retry(delivery.failures) IS NULL
        AS is_inconsistent
FROM fanout.deliveries AS delivery
LEFT JOIN fanout.transactional_mails AS transactional ON transactional.delivery_id = delivery.id
WHERE delivery.channel = 'email';

-- What happened to a mail. queued, processing, sent, failed and retry_scheduled are numbered as ever:
-- processing by the tries before it that count, the others with their own. held, cancelled and expired
-- are ours. A try that does not count leaves the number as it was.
CREATE VIEW fanout.notification_events WITH (security_invoker = true) AS
SELECT
    encode(substr(sha256(convert_to(
        delivery.id || '/' || event.place, 'UTF8')), 1, 16), 'hex')::uuid AS id,
    delivery.id AS notification_id,
    event.event_type,
    event.attempt_number,
    event.error_code,
    event.error_message,
    event.provider_id AS resend_email_id,
    event.response_metadata,
    event.created_at,
    event.place
FROM fanout.deliveries AS delivery
CROSS JOIN LATERAL (
    WITH tried AS (
        SELECT
            number, started_at, finished_at, result, reason,
            coalesce(code, error_class) AS error_code,
            count(*) FILTER (WHERE result IN ('failed', 'dead')) OVER (
                ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )::int AS counted
        FROM fanout.attempts
        WHERE source = 'deliveries' AND record_id = delivery.id::text
    )
    SELECT
        0 AS place, 'queued' AS event_type, 0 AS attempt_number, NULL AS error_code,
        NULL AS error_message, NULL AS provider_id, '{}'::jsonb AS response_metadata,
        delivery.created_at
    UNION ALL
    SELECT 2 * number, 'processing', counted, NULL, NULL, NULL, '{}', started_at
    FROM tried
    UNION ALL
    SELECT 2 * delivery.attempts, 'processing', delivery.failures, NULL, NULL, NULL, '{}',
        delivery.started_at
    WHERE delivery.state = 'leased'
    UNION ALL
    SELECT
        2 * number + 1,
        CASE WHEN number = delivery.attempts AND delivery.state = 'held' THEN 'held'
            ELSE 'retry_scheduled' END,
        counted + (result = 'failed')::int,
        error_code, reason, NULL, jsonb_build_object('result', result), finished_at
    FROM tried
    WHERE result IN ('failed', 'given back', 'lost')
    UNION ALL
    SELECT
        2 * delivery.attempts + 1,
        CASE delivery.state WHEN 'done' THEN 'sent' WHEN 'dead' THEN 'failed'
            ELSE delivery.state END,
        delivery.failures + (delivery.state = 'done')::int,
        coalesce((
            SELECT error_code FROM tried
            WHERE number = delivery.attempts AND result NOT IN ('failed', 'given back', 'lost')
        ), delivery.error_class),
        delivery.reason, delivery.provider_id,
        jsonb_strip_nulls(jsonb_build_object('provider', delivery.provider)), delivery.finished_at
    WHERE delivery.finished_at IS NOT NULL
) AS event
WHERE delivery.channel = 'email';

-- retried_count: of these, a try failed and was followed by another, or is to be.
CREATE VIEW fanout.notifications_dashboard_view WITH (security_invoker = true) AS
SELECT
    status,
    count(*) AS total_count,
    count(*) FILTER (WHERE attempts > (status IN ('sent', 'failed'))::int) AS retried_count,
    avg(attempts)::numeric(10, 2) AS avg_attempts,
    min(created_at) AS oldest_created,
    max(created_at) AS newest_created,
    count(*) FILTER (WHERE created_at > now() - interval '1 hour') AS count_last_hour,
    count(*) FILTER (WHERE created_at > now() - interval '24 hours') AS count_last_24h
FROM fanout.mails
GROUP BY status
ORDER BY array_position(ARRAY['queued', 'sent', 'failed', 'cancelled', 'expired'], status);

-- Each queued mail is in one of ready_to_process, waiting_for_retry, scheduled, in_progress, paused,
-- held and inconsistent. The average counts from when a mail was due, over what was sent in 24 hours.
CREATE VIEW fanout.notification_queue_status WITH (security_invoker = true) AS
SELECT
    count(*) FILTER (WHERE is_ready AND NOT is_inconsistent) AS ready_to_process,
    count(*) FILTER (WHERE state = 'waiting' AND NOT is_ready AND NOT is_inconsistent)
        AS waiting_for_retry,
    count(*) FILTER (WHERE status = 'queued' AND tries = 0) AS never_attempted,
    count(*) FILTER (WHERE status = 'queued' AND attempts = 1) AS retry_1,
    count(*) FILTER (WHERE status = 'queued' AND attempts = 2) AS retry_2,
    count(*) FILTER (WHERE status = 'sent') AS total_sent,
    count(*) FILTER (WHERE status = 'failed') AS total_failed,
    count(*) FILTER (WHERE created_at > now() - interval '1 hour') AS queued_last_hour,
    (avg(extract(epoch FROM sent_at - greatest(created_at, deliver_at)))
        FILTER (WHERE sent_at > now() - interval '24 hours'))::int
        AS avg_processing_time_seconds_24h,
    count(*) FILTER (WHERE state = 'pending' AND NOT is_ready AND NOT is_inconsistent)
        AS scheduled,
    count(*) FILTER (WHERE state = 'leased' AND NOT is_ready AND NOT is_inconsistent)
        AS in_progress,
    count(*) FILTER (WHERE state = 'paused' AND NOT is_inconsistent) AS paused,
    count(*) FILTER (WHERE state = 'held' AND NOT is_inconsistent) AS held,
    count(*) FILTER (WHERE is_inconsistent) AS inconsistent,
    count(*) FILTER (WHERE status = 'cancelled') AS total_cancelled,
    count(*) FILTER (WHERE status = 'expired') AS total_expired
FROM fanout.mails;

CREATE VIEW fanout.notification_processing_timeline WITH (security_invoker = true) AS
SELECT
    mail.id AS notification_id,
    mail.type AS notification_type,
    mail.recipient_email,
    mail.status AS current_status,
    mail.attempts AS total_attempts,
    mail.created_at AS notification_created_at,
    mail.sent_at AS notification_sent_at,
    event.id AS event_id,
    event.event_type,
    event.attempt_number,
    event.error_code,
    event.error_message,
    event.resend_email_id,
    event.response_metadata,
    event.created_at AS event_created_at,
    lag(event.created_at) OVER earlier AS previous_event_time,
    extract(epoch FROM event.created_at - lag(event.created_at) OVER earlier)::int
        AS seconds_since_previous_event
FROM fanout.mails AS mail
JOIN fanout.notification_events AS event ON event.notification_id = mail.id
WINDOW earlier AS (PARTITION BY mail.id ORDER BY event.place)
ORDER BY mail.created_at DESC, mail.sequence DESC, event.place;

CREATE VIEW fanout.failed_notifications_report WITH (security_invoker = true) AS
SELECT
    mail.id,
    mail.type,
    mail.recipient_email,
    mail.attempts,
    mail.last_error,
    mail.created_at,
    mail.sent_at,
    latest.error_code AS latest_error_code,
    latest.error_message AS latest_error_message,
    (SELECT count(*) FROM fanout.notification_events AS event WHERE event.notification_id = mail.id)
        AS event_count,
    mail.finished_at AS failed_at
FROM fanout.mails AS mail
LEFT JOIN LATERAL (
    SELECT event.error_code, event.error_message
    FROM fanout.notification_events AS event
    WHERE event.notification_id = mail.id AND event.error_code IS NOT NULL
    ORDER BY event.place DESC
    LIMIT 1
) AS latest ON true
WHERE mail.status = 'failed'
ORDER BY mail.created_at, mail.sequence;

-- By the code of the provider, or else the class of the error.
CREATE VIEW fanout.notification_error_summary WITH (security_invoker = true) AS
SELECT
    coalesce(tried.code, tried.error_class) AS error_code,
    count(*) AS occurrence_count,
    count(DISTINCT delivery.id) AS affected_notifications,
    array_agg(DISTINCT delivery.kind) AS affected_types,
    min(tried.finished_at) AS first_occurrence,
    max(tried.finished_at) AS last_occurrence,
    (array_agg(tried.reason ORDER BY tried.finished_at DESC))[1] AS sample_error_message
FROM fanout.attempts AS tried
JOIN fanout.deliveries AS delivery
    ON tried.source = 'deliveries' AND tried.record_id = delivery.id::text
WHERE delivery.channel = 'email' AND coalesce(tried.code, tried.error_class) IS NOT NULL
GROUP BY 1
ORDER BY occurrence_count DESC, error_code;

-- What the sender would take next, in its order. Only a look: nothing is taken, and the payload is not
-- shown. In: the most rows; NULL: all.
CREATE FUNCTION fanout.get_queued_notifications(p_limit integer DEFAULT 10)
RETURNS TABLE (
    id uuid,
    type text,
    recipient_email text,
    user_id uuid,
    booking_id uuid,
    attempts integer,
    last_error text,
    created_at timestamptz
)
LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    SELECT mail.id, mail.type, mail.recipient_email, mail.user_id, mail.booking_id,
        mail.attempts, mail.last_error, mail.created_at
    FROM fanout.mails AS mail
    JOIN fanout.deliveries AS delivery ON delivery.id = mail.id
    WHERE mail.is_ready AND NOT mail.is_inconsistent
    ORDER BY
        mail.priority > 0,
        delivery.next_attempt_at
            + greatest(mail.priority - 1, 0) * interval '5 minutes',
        delivery.next_attempt_at,
        mail.sequence
    LIMIT p_limit
$$;
REVOKE ALL ON FUNCTION fanout.get_queued_notifications(integer) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION fanout.get_queued_notifications(integer)
    TO fanout_operator, fanout_viewer;
GRANT SELECT (delivery_id, booking_id) ON fanout.transactional_mails
    TO fanout_operator, fanout_viewer;
GRANT SELECT ON fanout.deliveries, fanout.attempts TO fanout_viewer;
GRANT SELECT ON
    fanout.mails,
    fanout.notification_events,
    fanout.notifications_dashboard_view,
    fanout.notification_queue_status,
    fanout.notification_processing_timeline,
    fanout.failed_notifications_report,
    fanout.notification_error_summary
    TO fanout_operator, fanout_viewer;
