-- Open dead letters by cause, the latest first.
SELECT
    fingerprint,
    error_class,
    stage,
    message,
    letters,
    extract(epoch FROM now() - first_seen_at)::float8 AS first_seen_seconds,
    extract(epoch FROM now() - last_seen_at)::float8 AS last_seen_seconds,
    sample_event_id
FROM public.fanout_failures
ORDER BY last_seen_at DESC, fingerprint
