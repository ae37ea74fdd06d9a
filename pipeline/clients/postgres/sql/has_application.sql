-- Whether there is a table of an application, with any name. The schemas of the server, of extensions,
-- of Supabase and our own do not count. In: ours, the names of our own tables.
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
