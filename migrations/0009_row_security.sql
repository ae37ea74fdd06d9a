-- Row security must neither hide the application's rows from our roles nor open our tables to its.

-- The application enables row security with policies for its own users only. Without one of theirs
-- our roles would read no rows and no error: nobody would be told anything. The grants say which
-- verbs a role has; these policies only say that no row is hidden from it.
DO $$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT DISTINCT relation.oid::regclass AS relation, role.rolname
        FROM pg_catalog.pg_class AS relation
        CROSS JOIN pg_catalog.pg_roles AS role
        WHERE relation.relnamespace = 'public'::regnamespace
            AND relation.relkind IN ('r', 'p')
            AND role.rolname IN ('fanout_cdc', 'fanout_writer', 'fanout_operator')
            AND EXISTS (
                SELECT FROM aclexplode(relation.relacl) AS acl WHERE acl.grantee = role.oid
            )
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_policy AS policy
                WHERE policy.polrelid = relation.oid AND policy.polname = role.rolname
            )
        ORDER BY relation, role.rolname
    LOOP
        EXECUTE format(
            'CREATE POLICY %I ON %s TO %I USING (true) WITH CHECK (true)',
            granted.rolname, granted.relation, granted.rolname);
    END LOOP;
END
$$;

-- An application behind an HTTP interface often grants every new table to its anonymous users.
ALTER TABLE public.notification_decisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.event_dead_letters ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.fanout_heartbeat ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.fanout_migrations ENABLE ROW LEVEL SECURITY;
