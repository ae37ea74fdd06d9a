-- Bytes of write-ahead log on the server's disk. Only members of pg_monitor may read this.
SELECT sum(size)::bigint FROM pg_catalog.pg_ls_waldir()
