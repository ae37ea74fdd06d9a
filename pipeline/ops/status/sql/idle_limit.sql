-- After how many seconds without a reader the server gives a slot up; no row where it never does, as
-- before Postgres 18.
SELECT setting::bigint
FROM pg_catalog.pg_settings
WHERE name = 'idle_replication_slot_timeout' AND setting::bigint > 0
