-- How far change data capture is behind, and how much log is kept for it.
-- to_jsonb, since servers before 17 have no column inactive_since.
SELECT
    slot.active,
    slot.wal_status,
    pg_wal_lsn_diff(pg_current_wal_lsn(), slot.confirmed_flush_lsn)::bigint AS lag_bytes,
    pg_wal_lsn_diff(pg_current_wal_lsn(), slot.restart_lsn)::bigint AS kept_bytes,
    slot.safe_wal_size AS left_bytes,
    extract(epoch FROM now() - (to_jsonb(slot) ->> 'inactive_since')::timestamptz)::float8
        AS inactive_seconds
FROM pg_catalog.pg_replication_slots AS slot
WHERE slot.slot_name = %(slot)s AND slot.database = current_database()
