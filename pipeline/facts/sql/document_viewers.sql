-- Who hears of a document, and whether they can view it. In: [{event_id, project_id, resource_id}].
-- An owner of the resource's organisation can; else the permission on the nearest resource upwards
-- decides; none there, or none at all, means no. Without a resource the project's people all can.
WITH RECURSIVE asked AS MATERIALIZED (
    SELECT asked.event_id, asked.project_id, asked.resource_id,
           coalesce(resource.org_id, project.owner_org_id) AS org_id,
           resource.org_id AS resource_org_id
    FROM jsonb_to_recordset(%(asked)s) AS asked (event_id bigint, project_id uuid, resource_id uuid)
    LEFT JOIN public.resources AS resource ON resource.id = asked.resource_id
    LEFT JOIN public.projects AS project ON project.id = asked.project_id
),
ancestors AS (
    SELECT DISTINCT resource_id, resource_id AS ancestor_id, 0 AS depth
    FROM asked
    WHERE resource_id IS NOT NULL
    UNION ALL
    SELECT ancestors.resource_id, resource.parent_id, ancestors.depth + 1
    FROM ancestors
    -- OFFSET 0 makes this a look into the index for each row. A recursion is estimated far too
    -- high, and the planner would rather read the whole table; below, too.
    CROSS JOIN LATERAL (
        SELECT parent_id FROM public.resources WHERE id = ancestors.ancestor_id OFFSET 0
    ) AS resource
    -- The bound keeps a cycle, which the schema does not forbid, from running for ever.
    WHERE resource.parent_id IS NOT NULL AND ancestors.depth < 64
),
nearest AS (
    SELECT DISTINCT ON (ancestors.resource_id, permission.user_id)
           ancestors.resource_id, permission.user_id, permission.permission
    FROM ancestors
    CROSS JOIN LATERAL (
        SELECT user_id, permission FROM public.permissions
        WHERE resource_id = ancestors.ancestor_id OFFSET 0
    ) AS permission
    ORDER BY ancestors.resource_id, permission.user_id, ancestors.depth
),
candidates AS (
    SELECT asked.event_id, grants.user_id
    FROM asked
    JOIN public.project_access_grants AS grants USING (project_id)
    UNION
    SELECT asked.event_id, member.user_id
    FROM asked
    JOIN public.org_members AS member ON member.org_id = asked.org_id AND member.role = 'owner'
)
SELECT candidates.event_id, candidates.user_id,
       CASE
           WHEN asked.resource_id IS NULL
               OR owner.user_id IS NOT NULL
               OR nearest.permission <> 'none' THEN NULL
           ELSE 'no_access'
       END AS exclusion
FROM candidates
JOIN asked USING (event_id)
LEFT JOIN public.org_members AS owner
    ON owner.org_id = asked.resource_org_id
    AND owner.user_id = candidates.user_id
    AND owner.role = 'owner'
LEFT JOIN nearest
    ON nearest.resource_id = asked.resource_id AND nearest.user_id = candidates.user_id
ORDER BY candidates.event_id, candidates.user_id
