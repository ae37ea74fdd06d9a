-- What every family stands on: three roles, a schema of our own, and rights on the kernel's tables.
--
-- No table of an application is needed. 0008, 0009, 0013 and 0014 of the fan-out say the same of the
-- same tables: whichever comes first, the database ends with the same rights.

-- As in 0008: roles belong to the cluster.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('fanout_cdc', 'NOLOGIN REPLICATION'),
            ('fanout_writer', 'NOLOGIN'),
            ('fanout_operator', 'NOLOGIN')
        ) AS role (name, attributes)
    LOOP
        CONTINUE WHEN to_regrole(wanted.name) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.attributes);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION '% may not create the role %', current_user, wanted.name
                USING HINT = format(
                    'have an administrator run CREATE ROLE %I %s; then run migrate again',
                    wanted.name, wanted.attributes);
        END;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA public TO fanout_cdc, fanout_writer, fanout_operator;

CREATE SCHEMA IF NOT EXISTS fanout;
REVOKE ALL ON SCHEMA fanout FROM PUBLIC;
GRANT USAGE ON SCHEMA fanout TO fanout_writer, fanout_operator;

GRANT SELECT ON public.event_dead_letters, public.fanout_migrations
    TO fanout_writer, fanout_operator;
GRANT INSERT, UPDATE (
    event_type, stage, error_class, message, fingerprint, attempt, data, attributes,
    pipeline_version, last_seen_at, resolved_at, resolution
) ON public.event_dead_letters TO fanout_writer;
GRANT UPDATE (resolved_at, resolution) ON public.event_dead_letters TO fanout_operator;

-- As in 0009: the grants say which verbs a role has, the policies that no row is hidden from it.
ALTER TABLE public.event_dead_letters ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.fanout_migrations ENABLE ROW LEVEL SECURITY;
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT relation, role
        FROM unnest(ARRAY['event_dead_letters', 'fanout_migrations']) AS relation,
            unnest(ARRAY['fanout_writer', 'fanout_operator']) AS role
        WHERE NOT EXISTS (
            SELECT FROM pg_catalog.pg_policies
            WHERE schemaname = 'public' AND tablename = relation AND policyname = role
        )
    LOOP
        EXECUTE format(
            'CREATE POLICY %I ON public.%I TO %I USING (true) WITH CHECK (true)',
            wanted.role, wanted.relation, wanted.role);
    END LOOP;
END
$$;
