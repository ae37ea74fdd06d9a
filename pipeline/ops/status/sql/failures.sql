-- Open dead letters by cause, the latest first.
SELECT
    fingerprint,
    error_class,
    stage,
    message,
    letters,
    extract(epoch FROM now() - least(greatest(first_seen_at, earliest), latest))::float8
        AS first_seen_seconds,
    extract(epoch FROM now() - least(greatest(last_seen_at, earliest), latest))::float8
        AS last_seen_seconds,
    sample_event_id
FROM (
    -- As the view fanout_failures, which a database with only the kernel does not have.
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
    GROUP BY fingerprint
) AS failure
-- The limits avoid an infinite difference, which servers before 17 refuse.
CROSS JOIN (
    VALUES (timestamptz '0001-01-01 00:00:00+00', timestamptz '9999-12-31 00:00:00+00')
) AS time (earliest, latest)
ORDER BY last_seen_at DESC, fingerprint
