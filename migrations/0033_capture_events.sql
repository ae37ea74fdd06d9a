-- Where another family came before the fan-out, its publication lacks domain_events: 0014 adds them only
-- if there is no slot yet, and then leaves all other tables out. Those of mail and push come back with 0030
-- and 0032, and the events of reactions here.
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_publication AS publication
        WHERE publication.pubname = 'fanout_events'
            AND NOT publication.puballtables
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_publication_namespace WHERE pnpubid = publication.oid
            )
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_publication_rel
                WHERE prpubid = publication.oid AND prrelid = 'public.domain_events'::regclass
            )
    ) THEN
        IF EXISTS (
            SELECT FROM pg_catalog.pg_class
            WHERE oid = 'public.domain_events'::regclass AND relkind = 'p'
        ) THEN
            -- Otherwise a list of columns is not allowed for the partitions.
            ALTER PUBLICATION fanout_events SET (publish_via_partition_root = true);
        END IF;
        ALTER PUBLICATION fanout_events ADD TABLE public.domain_events (id, created_at);
    END IF;
    IF to_regprocedure('fanout.capture_reactions()') IS NOT NULL THEN
        PERFORM fanout.capture_reactions();
    END IF;
END
$$;
