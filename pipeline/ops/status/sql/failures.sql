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
FROM public.fanout_failures
-- The limits avoid an infinite difference, which servers before 17 refuse.
CROSS JOIN (
    VALUES (timestamptz '0001-01-01 00:00:00+00', timestamptz '9999-12-31 00:00:00+00')
) AS time (earliest, latest)
ORDER BY last_seen_at DESC, fingerprint
