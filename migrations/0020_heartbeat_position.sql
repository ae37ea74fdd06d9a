-- Where in the log a heartbeat was written: from the position that Debezium has confirmed follows
-- since when nothing has got through. Rows before this have none, so the table is not rewritten.
ALTER TABLE public.fanout_heartbeat ADD COLUMN lsn pg_lsn;
ALTER TABLE public.fanout_heartbeat ALTER COLUMN lsn SET DEFAULT pg_current_wal_insert_lsn();

COMMENT ON COLUMN public.fanout_heartbeat.lsn IS
    'where the log ended when the row was inserted; NULL in rows of earlier releases';
