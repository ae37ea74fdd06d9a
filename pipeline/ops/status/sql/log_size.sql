-- Bytes of write-ahead log on the server's disk; for members of pg_monitor.
SELECT sum(size)::bigint FROM pg_catalog.pg_ls_waldir()
