-- All rights of a role, in the words of GRANT: 'SELECT ON public.domain_events'.
--
-- These are effective rights: granted to the role, to a role it is in, or to PUBLIC. They cover
-- tables and views, except those of system schemas and extensions. A column right is listed only if
-- the role does not have the right on the whole table. Rights from PUBLIC are marked, because a
-- REVOKE from the role does not remove them.
WITH relation AS (
    SELECT relation.oid, format('%%I.%%I', namespace.nspname, relation.relname) AS name
    FROM pg_catalog.pg_class AS relation
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace
    WHERE relation.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND namespace.nspname !~ '^pg_'
        AND namespace.nspname <> 'information_schema'
        AND has_schema_privilege(%(role)s, namespace.oid, 'USAGE')
        AND NOT EXISTS (
            SELECT
            FROM pg_catalog.pg_depend AS dependency
            WHERE dependency.classid = 'pg_catalog.pg_class'::regclass
                AND dependency.objid = relation.oid
                AND dependency.deptype = 'e'
        )
)
SELECT
    format('%%s ON %%s', verb, relation.name) AS right_,
    has_table_privilege('public', relation.oid, verb) AS of_everyone
FROM relation,
    unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS verb
WHERE has_table_privilege(%(role)s, relation.oid, verb)
UNION ALL
SELECT
    format('%%s (%%I) ON %%s', verb, attribute.attname, relation.name),
    has_column_privilege('public', relation.oid, attribute.attnum, verb)
FROM relation
JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = relation.oid
CROSS JOIN unnest('{SELECT,INSERT,UPDATE,REFERENCES}'::text[]) AS verb
WHERE attribute.attnum > 0
    AND NOT attribute.attisdropped
    AND has_column_privilege(%(role)s, relation.oid, attribute.attnum, verb)
    AND NOT has_table_privilege(%(role)s, relation.oid, verb)
UNION ALL
SELECT
    format('CREATE ON SCHEMA %%I', namespace.nspname),
    has_schema_privilege('public', namespace.oid, 'CREATE')
FROM pg_catalog.pg_namespace AS namespace
WHERE namespace.nspname !~ '^pg_'
    AND has_schema_privilege(%(role)s, namespace.oid, 'CREATE')
