-- Change data capture without the fan-out: the publication of inserts, still without a table.
--
-- 0007 makes the table of heartbeats, and a publication of domain_events unless there is one. With this
-- file before it, it needs no table of the application, so that it belongs to the kernel. Where 0007 was
-- applied first, nothing is left to do.
DO $$
BEGIN
    IF to_regclass('public.fanout_heartbeat') IS NULL AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_publication WHERE pubname = 'fanout_events'
    ) THEN
        CREATE PUBLICATION fanout_events WITH (publish = 'insert');
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION '% may not create a publication in the database %',
            current_user, current_database()
        USING HINT = format(
            'have an administrator run GRANT CREATE ON DATABASE %I TO %I; then run migrate again',
            current_database(), current_user);
END
$$;
