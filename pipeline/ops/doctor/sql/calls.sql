-- The functions of the schema fanout that a role may call, and the schemas in which it may look for
-- something, in the words of GRANT: 'EXECUTE ON FUNCTION fanout.queue_notification(text)'. Out: as
-- rights.sql says.
SELECT
    'EXECUTE ON FUNCTION ' || function.oid::regprocedure AS right_,
    has_function_privilege('public', function.oid, 'EXECUTE') AS of_everyone
FROM pg_catalog.pg_proc AS function
WHERE function.pronamespace = to_regnamespace('fanout')
    AND has_function_privilege(%(role)s, function.oid, 'EXECUTE')
UNION ALL
SELECT
    format('USAGE ON SCHEMA %%I', namespace.nspname),
    has_schema_privilege('public', namespace.oid, 'USAGE')
FROM pg_catalog.pg_namespace AS namespace
WHERE namespace.nspname !~ '^pg_'
    AND namespace.nspname <> 'information_schema'
    AND has_schema_privilege(%(role)s, namespace.oid, 'USAGE')
