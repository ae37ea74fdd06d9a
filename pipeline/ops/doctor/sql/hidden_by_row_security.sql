-- Tables with row security that a role may read, but for which no policy shows the role every row.
SELECT format('%%I', relation.relname) AS relation, role.rolname AS role
FROM pg_catalog.pg_class AS relation
JOIN pg_catalog.pg_roles AS role ON role.rolname = ANY (%(roles)s)
WHERE relation.relnamespace = 'public'::regnamespace
    AND relation.relkind IN ('r', 'p')
    AND relation.relrowsecurity
    AND NOT role.rolbypassrls
    AND has_any_column_privilege(role.oid, relation.oid, 'SELECT')
    AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_policy AS policy
        WHERE policy.polrelid = relation.oid
            AND role.oid = ANY (policy.polroles)
            AND policy.polpermissive
            AND pg_get_expr(policy.polqual, policy.polrelid) = 'true'
    )
ORDER BY 1, 2
