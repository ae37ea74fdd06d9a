-- Whether this connection is encrypted.
SELECT ssl AS encrypted, version FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()
