-- How far Debezium is behind, and how much log the server keeps for it. A standby writes no log, and
-- has at most a copy of the slot.
-- to_jsonb, because inactive_since, invalidation_reason and synced are new in Postgres 17.
SELECT
    slot.active,
    slot.wal_status,
    pg_wal_lsn_diff(log.ends, slot.confirmed_flush_lsn)::bigint AS lag_bytes,
    pg_wal_lsn_diff(log.ends, slot.restart_lsn)::bigint AS kept_bytes,
    slot.safe_wal_size AS left_bytes,
    extract(epoch FROM now() - (to_jsonb(slot) ->> 'inactive_since')::timestamptz)::float8
        AS inactive_seconds,
    to_jsonb(slot) ->> 'invalidation_reason' AS invalidation_reason,
    coalesce((to_jsonb(slot) ->> 'synced')::boolean, false) AS synced
FROM pg_catalog.pg_replication_slots AS slot
CROSS JOIN (
    SELECT CASE WHEN pg_is_in_recovery()
        THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END
) AS log (ends)
WHERE slot.slot_name = %(slot)s AND slot.database = current_database()
