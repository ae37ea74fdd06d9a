-- The tables of other families that are published beside the events of the fan-out, sorted. The table
-- of the events of reactions is the application's where reactions.events is a view of it.
WITH held AS (
    SELECT 'fanout' AS schema, 'deliveries' AS name WHERE to_regclass('fanout.deliveries') IS NOT NULL
    UNION ALL
    -- The application may have a table of this name without the family activity.
    SELECT 'activity', 'notifications' WHERE to_regprocedure('fanout.show_in_activity()') IS NOT NULL
    UNION ALL
    SELECT namespace.nspname, table_.relname
    FROM pg_catalog.pg_class AS table_
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = table_.relnamespace
    WHERE to_regclass('fanout.reactions') IS NOT NULL
        AND table_.relkind IN ('r', 'p')
        AND (
            table_.oid = to_regclass('reactions.events')
            OR table_.oid IN (
                SELECT dependency.refobjid
                FROM pg_catalog.pg_rewrite AS rule
                JOIN pg_catalog.pg_depend AS dependency
                    ON dependency.classid = 'pg_catalog.pg_rewrite'::regclass
                    AND dependency.objid = rule.oid
                    AND dependency.refclassid = 'pg_catalog.pg_class'::regclass
                WHERE rule.ev_class = to_regclass('reactions.events')
            )
        )
)
SELECT quote_ident(schema) || '.' || quote_ident(name) AS name FROM held ORDER BY 1
