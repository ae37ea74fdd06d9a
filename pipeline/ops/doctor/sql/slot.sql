-- The slot of this name, in any database; and whether this database has the fan-out.
-- to_jsonb, because the columns differ: failover, synced, inactive_since and invalidation_reason are
-- new in Postgres 17. A standby writes no log, so its last received position counts.
SELECT
    slot.database,
    slot.plugin,
    slot.active,
    slot.wal_status,
    (to_jsonb(slot) ->> 'failover')::boolean AS failover,
    coalesce((to_jsonb(slot) ->> 'synced')::boolean, false) AS synced,
    slot.temporary,
    to_jsonb(slot) ->> 'invalidation_reason' AS reason,
    extract(epoch FROM now() - (to_jsonb(slot) ->> 'inactive_since')::timestamptz)::float8
        AS inactive_seconds,
    slot.safe_wal_size AS left_bytes,
    pg_wal_lsn_diff(
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END,
        slot.restart_lsn
    )::bigint AS kept_bytes,
    to_regclass('public.notification_decisions') IS NOT NULL AS with_fanout
FROM pg_catalog.pg_replication_slots AS slot
WHERE slot.slot_name = %(slot)s
