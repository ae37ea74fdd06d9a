-- Change data capture without the fan-out: the rights on heartbeats, and what is captured.
--
-- 0008, 0009, 0024 and 0027 of the fan-out say the same of heartbeats.

COMMENT ON COLUMN public.fanout_heartbeat.lsn IS
    'end of the write-ahead log when the row was inserted; NULL in rows of earlier releases';

GRANT SELECT, INSERT, DELETE ON public.fanout_heartbeat TO fanout_cdc;
GRANT SELECT ON public.fanout_heartbeat TO fanout_writer, fanout_operator, fanout_viewer;

ALTER TABLE public.fanout_heartbeat ENABLE ROW LEVEL SECURITY;
DO $$
DECLARE
    reader text;
BEGIN
    FOREACH reader IN ARRAY ARRAY['fanout_cdc', 'fanout_writer', 'fanout_operator', 'fanout_viewer']
    LOOP
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_catalog.pg_policies
            WHERE schemaname = 'public' AND tablename = 'fanout_heartbeat' AND policyname = reader
        );
        EXECUTE format(
            'CREATE POLICY %I ON public.fanout_heartbeat TO %I USING (true) WITH CHECK (true)',
            reader, reader);
    END LOOP;
END
$$;

-- Families that came before this file could add nothing to a publication. Later ones do so themselves, and
-- so do reactions with their next file. Inserts only, and of each row only its id and time. A publication
-- of all tables, or of a whole schema, is not ours to change.
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_publication AS publication
        WHERE publication.pubname = 'fanout_events'
            AND NOT publication.puballtables
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_publication_namespace WHERE pnpubid = publication.oid
            )
    ) THEN
        RETURN;
    END IF;
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_publication_tables
        WHERE pubname = 'fanout_events'
            AND schemaname = 'public' AND tablename = 'fanout_heartbeat'
    ) THEN
        ALTER PUBLICATION fanout_events ADD TABLE public.fanout_heartbeat;
    END IF;
    IF to_regclass('fanout.deliveries') IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_publication_tables
        WHERE pubname = 'fanout_events' AND schemaname = 'fanout' AND tablename = 'deliveries'
    ) THEN
        ALTER PUBLICATION fanout_events ADD TABLE fanout.deliveries (id, created_at);
    END IF;
    IF to_regprocedure('fanout.join_activity_to_fanout()') IS NOT NULL THEN
        PERFORM fanout.join_activity_to_fanout();
    END IF;
END
$$;
