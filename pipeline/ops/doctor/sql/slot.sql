-- The slot of that name, in whichever database it is.
-- to_jsonb, since servers before 17 have neither failover nor inactive_since.
SELECT
    slot.database,
    slot.plugin,
    slot.active,
    slot.wal_status,
    (to_jsonb(slot) ->> 'failover')::boolean AS failover,
    extract(epoch FROM now() - (to_jsonb(slot) ->> 'inactive_since')::timestamptz)::float8
        AS inactive_seconds,
    slot.safe_wal_size AS left_bytes,
    pg_wal_lsn_diff(pg_current_wal_lsn(), slot.restart_lsn)::bigint AS kept_bytes
FROM pg_catalog.pg_replication_slots AS slot
WHERE slot.slot_name = %(slot)s
