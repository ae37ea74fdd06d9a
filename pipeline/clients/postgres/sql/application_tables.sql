-- Describes the tables or views of the application by name. In: schema, tables.
-- Out: for each name its kind, whether its rows can be locked, whether a trigger fills its rows, its
-- columns with the type below any domain, the columns that are unique alone, and tables of that name
-- in other schemas.
SELECT wanted.name,
       relation.relkind::text AS kind,
       CASE
           -- Bit 2 is UPDATE, which only views of one table have. It waits for locks on the relation.
           WHEN relation.relkind = 'v' THEN pg_relation_is_updatable(relation.oid, false) & 4 <> 0
           ELSE coalesce(relation.relkind IN ('r', 'p'), false)
       END AS is_lockable,
       EXISTS (
           SELECT
           FROM pg_catalog.pg_trigger AS trigger_
           -- Row, before, insert.
           WHERE trigger_.tgrelid = relation.oid AND trigger_.tgtype & 7 = 7
       ) AS fills_rows,
       coalesce((
           SELECT jsonb_object_agg(attribute.attname, jsonb_build_object(
               'declared', CASE type.typnamespace
                   WHEN 'pg_catalog'::regnamespace
                   THEN format_type(attribute.atttypid, attribute.atttypmod)
                   ELSE format('%%s.%%I', type.typnamespace::regnamespace, type.typname)
               END,
               'type', base.typname,
               'category', base.typcategory,
               'words', ARRAY(
                   SELECT enumlabel FROM pg_catalog.pg_enum WHERE enumtypid = base.oid
               ),
               'not_null', attribute.attnotnull,
               'has_default', attribute.atthasdef OR attribute.attidentity <> ''
                   OR type.typdefault IS NOT NULL,
               -- Postgres cannot change the type of a column that one of these objects names.
               'is_named', EXISTS (
                   SELECT
                   FROM pg_catalog.pg_depend
                   WHERE refclassid = 'pg_catalog.pg_class'::regclass
                       AND refobjid = relation.oid
                       AND refobjsubid = attribute.attnum
                       AND classid IN (
                           'pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_policy'::regclass,
                           'pg_catalog.pg_publication_rel'::regclass,
                           'pg_catalog.pg_trigger'::regclass
                       )
               )
           ))
           FROM pg_catalog.pg_attribute AS attribute
           JOIN pg_catalog.pg_type AS type ON type.oid = attribute.atttypid
           CROSS JOIN LATERAL (
               WITH RECURSIVE below AS (
                   SELECT type.oid, type.typname, type.typcategory, type.typbasetype
                   UNION ALL
                   SELECT parent.oid, parent.typname, parent.typcategory, parent.typbasetype
                   FROM below
                   JOIN pg_catalog.pg_type AS parent ON parent.oid = below.typbasetype
               )
               SELECT oid, typname, typcategory FROM below WHERE typbasetype = 0
           ) AS base
           WHERE attribute.attrelid = relation.oid
               AND attribute.attnum > 0
               AND NOT attribute.attisdropped
       ), '{}') AS columns,
       ARRAY(
           SELECT attribute.attname::text
           FROM pg_catalog.pg_index AS index
           JOIN pg_catalog.pg_attribute AS attribute
               ON attribute.attrelid = index.indrelid AND attribute.attnum = index.indkey[0]
           WHERE index.indrelid = relation.oid
               AND index.indisunique AND index.indisvalid AND index.indimmediate
               AND index.indnkeyatts = 1 AND index.indpred IS NULL AND index.indexprs IS NULL
       ) AS keys,
       ARRAY(
           SELECT format('%%I.%%I', namespace.nspname, other.relname)
           FROM pg_catalog.pg_class AS other
           JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = other.relnamespace
           WHERE other.relname = wanted.name
               AND other.relkind IN ('r', 'p', 'v', 'm', 'f')
               AND namespace.nspname <> %(schema)s
               AND namespace.nspname <> 'information_schema'
               AND namespace.nspname !~ '^pg_'
           ORDER BY 1
       ) AS elsewhere
FROM unnest(%(tables)s::text[]) WITH ORDINALITY AS wanted (name, place)
LEFT JOIN pg_catalog.pg_class AS relation
    ON relation.relname = wanted.name
    AND relation.relnamespace = to_regnamespace(%(schema)s)
    AND relation.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY wanted.place
