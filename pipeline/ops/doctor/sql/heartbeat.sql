-- Age of the newest heartbeat in seconds.
SELECT extract(epoch FROM now() - beat_at)::float8 AS age_seconds
FROM public.fanout_heartbeat
ORDER BY id DESC
LIMIT 1
