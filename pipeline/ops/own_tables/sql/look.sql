-- Describes tables by name. In: schemas, tables. Out: for each its name as SQL writes it, its kind, its
-- columns with their names as SQL writes them and the type below any domain, the sets of columns that
-- are unique, and the constraints that look at one column alone.
SELECT
    quote_ident(wanted.schema) || '.' || quote_ident(wanted.name) AS quoted,
    relation.relkind::text AS kind,
    EXISTS (
        SELECT
        FROM pg_catalog.pg_trigger AS trigger_
        -- Row, before, insert.
        WHERE trigger_.tgrelid = relation.oid AND trigger_.tgtype & 7 = 7
    ) AS fills_rows,
    coalesce((
        SELECT jsonb_object_agg(attribute.attname, jsonb_build_object(
            'quoted', quote_ident(attribute.attname),
            'declared', format_type(attribute.atttypid, attribute.atttypmod),
            'type', base.typname,
            'base', base.name,
            'category', base.typcategory,
            'not_null', attribute.attnotnull,
            'default', pg_get_expr(preset.adbin, preset.adrelid),
            'has_default', attribute.atthasdef OR attribute.attidentity <> '' OR type.typdefault IS NOT NULL
        ))
        FROM pg_catalog.pg_attribute AS attribute
        JOIN pg_catalog.pg_type AS type ON type.oid = attribute.atttypid
        LEFT JOIN pg_catalog.pg_attrdef AS preset
            ON preset.adrelid = attribute.attrelid AND preset.adnum = attribute.attnum
            AND attribute.attgenerated = ''
        CROSS JOIN LATERAL (
            WITH RECURSIVE below AS (
                SELECT type.oid, type.typname, type.typcategory, type.typbasetype
                UNION ALL
                SELECT parent.oid, parent.typname, parent.typcategory, parent.typbasetype
                FROM below
                JOIN pg_catalog.pg_type AS parent ON parent.oid = below.typbasetype
            )
            SELECT typname, typcategory, format_type(oid, NULL) AS name
            FROM below
            WHERE typbasetype = 0
        ) AS base
        WHERE attribute.attrelid = relation.oid
            AND attribute.attnum > 0
            AND NOT attribute.attisdropped
    ), '{}') AS columns,
    coalesce((
        SELECT jsonb_agg(ARRAY(
            SELECT attribute.attname::text
            FROM unnest(index.indkey[0:index.indnkeyatts - 1]) AS key (number)
            JOIN pg_catalog.pg_attribute AS attribute
                ON attribute.attrelid = index.indrelid AND attribute.attnum = key.number
            ORDER BY 1
        ))
        FROM pg_catalog.pg_index AS index
        WHERE index.indrelid = relation.oid
            AND index.indisunique AND index.indisvalid AND index.indimmediate
            AND index.indpred IS NULL AND index.indexprs IS NULL
    ), '[]') AS keys,
    coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'name', check_.conname,
            'column', attribute.attname,
            'expression', pg_get_expr(check_.conbin, check_.conrelid)
        ) ORDER BY check_.conname)
        FROM pg_catalog.pg_constraint AS check_
        JOIN pg_catalog.pg_attribute AS attribute
            ON attribute.attrelid = check_.conrelid AND attribute.attnum = check_.conkey[1]
        WHERE check_.conrelid = relation.oid AND check_.contype = 'c'
            AND cardinality(check_.conkey) = 1
    ), '[]') AS checks
FROM unnest(%(schemas)s::text[], %(tables)s::text[]) WITH ORDINALITY AS wanted (schema, name, place)
LEFT JOIN pg_catalog.pg_class AS relation
    ON relation.relname = wanted.name
    AND relation.relnamespace = to_regnamespace(quote_ident(wanted.schema))
    AND relation.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY wanted.place
