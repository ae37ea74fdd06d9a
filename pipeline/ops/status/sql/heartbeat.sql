-- Seconds since the newest heartbeat, which Debezium inserts. No row before the first one.
SELECT extract(epoch FROM now() - beat_at)::float8
FROM public.fanout_heartbeat
ORDER BY id DESC
LIMIT 1
