-- The table of the events: its kind, the types of its columns, and the name of another table that
-- our views read in its place (after a rename).
SELECT
    table_.relkind::text AS kind,
    coalesce(
        (
            SELECT jsonb_object_agg(attribute.attname, jsonb_build_array(
                format_type(attribute.atttypid, NULL), type.typtype))
            FROM pg_catalog.pg_attribute AS attribute
            JOIN pg_catalog.pg_type AS type ON type.oid = attribute.atttypid
            WHERE attribute.attrelid = table_.oid
                AND attribute.attnum > 0
                AND NOT attribute.attisdropped
        ),
        '{}'
    ) AS types,
    (
        SELECT format('%%I.%%I', namespace.nspname, other.relname)
        FROM pg_catalog.pg_rewrite AS rule
        JOIN pg_catalog.pg_depend AS dependency
            ON dependency.classid = 'pg_catalog.pg_rewrite'::regclass
            AND dependency.objid = rule.oid
            AND dependency.refclassid = 'pg_catalog.pg_class'::regclass
        JOIN pg_catalog.pg_class AS other ON other.oid = dependency.refobjid
        JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = other.relnamespace
        WHERE rule.ev_class = to_regclass('public.fanout_queue')
            AND other.oid <> rule.ev_class
            AND other.oid <> ALL (ARRAY[
                to_regclass('public.notification_processing'),
                to_regclass('public.pending_emails')]::oid[])
            AND other.oid IS DISTINCT FROM table_.oid
        LIMIT 1
    ) AS other_table
FROM (SELECT to_regclass('public.domain_events') AS oid) AS wanted
LEFT JOIN pg_catalog.pg_class AS table_ ON table_.oid = wanted.oid
