-- Seconds since the newest heartbeat, and since the oldest heartbeat that the reader of the slot has
-- not confirmed. Debezium has published nothing since then. Heartbeats of older releases have no
-- position.
SELECT
    extract(epoch FROM now() - (
        SELECT beat_at FROM public.fanout_heartbeat ORDER BY id DESC LIMIT 1
    ))::float8 AS age_seconds,
    extract(epoch FROM now() - (
        SELECT min(beat.beat_at)
        FROM public.fanout_heartbeat AS beat
        JOIN pg_catalog.pg_replication_slots AS slot ON beat.lsn > slot.confirmed_flush_lsn
        WHERE slot.slot_name = %(slot)s
    ))::float8 AS unconfirmed_seconds
