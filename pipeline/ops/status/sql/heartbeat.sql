-- Age of the newest heartbeat, which change data capture inserts; NULL before the first one.
SELECT extract(epoch FROM now() - beat_at)::float8
FROM public.fanout_heartbeat
ORDER BY id DESC
LIMIT 1
