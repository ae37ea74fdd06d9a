-- Whether there is a table of an application, whatever it is called: the schemas of the server, of
-- extensions and of Supabase do not count, nor does ours. In: ours, the names that are never an
-- application's.
SELECT EXISTS (
    SELECT
    FROM pg_catalog.pg_class AS relation
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace
    WHERE relation.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND relation.relname <> ALL (%(ours)s::text[])
        AND namespace.nspname !~ '^pg_'
        AND namespace.nspname NOT IN (
            'information_schema', 'fanout', 'auth', 'storage', 'realtime', '_realtime',
            '_analytics', 'supabase_functions', 'supabase_migrations')
        AND NOT EXISTS (
            SELECT
            FROM pg_catalog.pg_depend AS dependency
            WHERE dependency.classid = 'pg_catalog.pg_class'::regclass
                AND dependency.objid = relation.oid
                AND dependency.deptype = 'e'
        )
)
