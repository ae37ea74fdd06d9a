-- The candidates for an event of a document, and whether they can view the document.
-- In: [{event_id, project_id, resource_id}].
-- An owner of the resource's organisation can view it. For others the permission on the nearest
-- resource upwards decides: 'none', or no permission at all, means no access. If the event names no
-- resource, everybody in the project can view it. If it names no project, the project of the resource
-- is used.
WITH RECURSIVE asked AS MATERIALIZED (
    SELECT asked.event_id, asked.resource_id, resource.org_id AS resource_org_id,
           coalesce(asked.project_id, resource.project_id) AS project_id,
           project.owner_org_id AS project_org_id
    FROM jsonb_to_recordset(%(asked)s) AS asked (event_id bigint, project_id uuid, resource_id uuid)
    LEFT JOIN LATERAL (
        SELECT org_id, project_id FROM public.resources WHERE id = asked.resource_id OFFSET 0
    ) AS resource ON true
    LEFT JOIN LATERAL (
        SELECT owner_org_id FROM public.projects
        WHERE id = coalesce(asked.project_id, resource.project_id) OFFSET 0
    ) AS project ON true
),
ancestors AS (
    SELECT DISTINCT resource_id, resource_id AS ancestor_id, 0 AS depth
    FROM asked
    WHERE resource_id IS NOT NULL
    UNION ALL
    SELECT ancestors.resource_id, resource.parent_id, ancestors.depth + 1
    FROM ancestors
    CROSS JOIN LATERAL (
        SELECT parent_id FROM public.resources WHERE id = ancestors.ancestor_id OFFSET 0
    ) AS resource
    -- The limit ends a cycle. The schema does not prevent one.
    WHERE resource.parent_id IS NOT NULL AND ancestors.depth < 64
),
candidates AS MATERIALIZED (
    SELECT asked.event_id, asked.resource_id, candidate.user_id,
           candidate.owns AND asked.resource_org_id IS NOT NULL AS owns
    FROM asked
    CROSS JOIN LATERAL (
        SELECT user_id, bool_or(owns) AS owns
        FROM (
            (
                SELECT user_id, false AS owns
                FROM public.project_access_grants
                WHERE project_id = asked.project_id
                AND user_id >= coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
                AND user_id IS DISTINCT FROM %(after)s::uuid
                ORDER BY user_id
                LIMIT %(most)s
            )
            UNION ALL
            (
                SELECT user_id, true
                FROM public.org_members
                WHERE role = 'owner' AND org_id = coalesce(asked.resource_org_id, asked.project_org_id)
                AND user_id >= coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
                AND user_id IS DISTINCT FROM %(after)s::uuid
                ORDER BY user_id
                LIMIT %(most)s
            )
        ) AS either
        GROUP BY user_id
        ORDER BY user_id
        LIMIT %(most)s
    ) AS candidate
),
nearest AS (
    SELECT DISTINCT ON (ancestors.resource_id, permission.user_id)
           ancestors.resource_id, permission.user_id, permission.permission
    FROM ancestors
    CROSS JOIN LATERAL (
        SELECT user_id, permission FROM public.permissions
        WHERE resource_id = ancestors.ancestor_id
        AND user_id >= coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
        AND user_id <= (SELECT user_id FROM candidates ORDER BY user_id DESC LIMIT 1)
        OFFSET 0
    ) AS permission
    ORDER BY ancestors.resource_id, permission.user_id, ancestors.depth
),
-- Looked up by resource and person below instead of joined: the planner cannot know the sizes of the
-- two parts, and might compare each row of one with each row of the other.
granted AS MATERIALIZED (
    SELECT coalesce(jsonb_object_agg(resource_id || '/' || user_id, permission), '{}') AS permissions
    FROM nearest
    WHERE permission <> 'none'
)
SELECT event_id, user_id,
       CASE
           WHEN resource_id IS NULL
               OR owns
               OR (SELECT permissions FROM granted) ? (resource_id || '/' || user_id)
           THEN NULL
           ELSE 'no_access'
       END AS exclusion
FROM candidates
ORDER BY event_id, user_id
