-- The connected role: which of our roles it is in, and whether it owns one of these tables.
SELECT
    role.rolname AS name,
    role.rolsuper AS is_superuser,
    ARRAY(
        SELECT wanted
        FROM unnest(%(roles)s::text[]) AS wanted
        WHERE pg_has_role(role.oid, to_regrole(wanted), 'USAGE')
    ) AS roles,
    -- Roles it is in, but whose rights it gets only by SET ROLE: it is NOINHERIT, or the role was
    -- granted WITH INHERIT FALSE.
    ARRAY(
        SELECT wanted
        FROM unnest(%(roles)s::text[]) AS wanted
        WHERE pg_has_role(role.oid, to_regrole(wanted), 'MEMBER')
            AND NOT pg_has_role(role.oid, to_regrole(wanted), 'USAGE')
    ) AS not_inherited,
    EXISTS (
        SELECT
        FROM unnest(%(tables)s::text[]) AS owned
        JOIN pg_catalog.pg_class AS relation ON relation.oid = to_regclass(owned)
        WHERE pg_has_role(role.oid, relation.relowner, 'USAGE')
    ) AS is_owner
FROM pg_catalog.pg_roles AS role
WHERE role.rolname = current_user
