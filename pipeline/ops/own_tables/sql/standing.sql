-- What has the names of our tables now. In: names. Out: name, kind, and of a view the table behind it,
-- and the columns that it shows.
SELECT
    relation.relname::text AS name,
    relation.relkind::text AS kind,
    behind.schema,
    behind.name AS table,
    ARRAY(
        SELECT attribute.attname::text
        FROM pg_catalog.pg_attribute AS attribute
        WHERE attribute.attrelid = relation.oid AND attribute.attnum > 0
            AND NOT attribute.attisdropped
    ) AS columns
FROM pg_catalog.pg_class AS relation
LEFT JOIN LATERAL (
    SELECT namespace.nspname::text AS schema, table_.relname::text AS name
    FROM pg_catalog.pg_rewrite AS rule
    JOIN pg_catalog.pg_depend AS dependency
        ON dependency.classid = 'pg_catalog.pg_rewrite'::regclass
        AND dependency.objid = rule.oid
        AND dependency.refclassid = 'pg_catalog.pg_class'::regclass
        AND dependency.refobjid <> relation.oid
    JOIN pg_catalog.pg_class AS table_ ON table_.oid = dependency.refobjid
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = table_.relnamespace
    WHERE rule.ev_class = relation.oid AND relation.relkind = 'v'
    LIMIT 1
) AS behind ON true
WHERE relation.relnamespace = to_regnamespace('reactions')
    AND relation.relname = ANY (%(names)s::text[])
ORDER BY relation.relname
