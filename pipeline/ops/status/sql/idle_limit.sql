-- Seconds without a reader after which the server invalidates a slot. No row if it never does, as
-- before Postgres 18.
SELECT setting::bigint
FROM pg_catalog.pg_settings
WHERE name = 'idle_replication_slot_timeout' AND setting::bigint > 0
