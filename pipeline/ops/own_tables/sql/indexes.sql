-- The indexes of one of our tables that are no keys, and whether a table of the application has each,
-- valid. In: name, schema, table. Out: the index, its method and columns and condition, and whether it
-- is valid: NULL if it is not there.
SELECT
    'reactions_' || ours.relname AS name,
    substring(pg_get_indexdef(ours.oid) FROM ' USING .*$') AS definition,
    theirs.is_valid
FROM pg_catalog.pg_index AS index
JOIN pg_catalog.pg_class AS ours ON ours.oid = index.indexrelid
LEFT JOIN (
    SELECT named.relname, of_table.indisvalid AS is_valid
    FROM pg_catalog.pg_index AS of_table
    JOIN pg_catalog.pg_class AS named ON named.oid = of_table.indexrelid
    JOIN pg_catalog.pg_class AS table_ ON table_.oid = of_table.indrelid
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = table_.relnamespace
    WHERE namespace.nspname = %(schema)s::text AND table_.relname = %(table)s::text
) AS theirs ON theirs.relname = 'reactions_' || ours.relname
WHERE index.indrelid = to_regclass('reactions.' || quote_ident(%(name)s)) AND NOT index.indisunique
ORDER BY 1
