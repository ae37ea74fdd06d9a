-- The rights that were granted on one of our tables. In: name. Out: the right, its column or NULL, and
-- who has it, or NULL for PUBLIC.
SELECT acl.privilege_type AS right, right_.column, grantee.rolname::text AS grantee
FROM pg_catalog.pg_class AS relation
CROSS JOIN LATERAL (
    SELECT relation.relacl AS acl, NULL::text AS column
    UNION ALL
    SELECT attribute.attacl, attribute.attname::text
    FROM pg_catalog.pg_attribute AS attribute
    WHERE attribute.attrelid = relation.oid AND attribute.attnum > 0
        AND NOT attribute.attisdropped
) AS right_
CROSS JOIN LATERAL aclexplode(right_.acl) AS acl
LEFT JOIN pg_catalog.pg_roles AS grantee ON grantee.oid = acl.grantee
WHERE relation.oid = to_regclass('reactions.' || quote_ident(%(name)s))
    AND acl.grantee <> relation.relowner
    AND acl.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
ORDER BY 1, 2, 3
