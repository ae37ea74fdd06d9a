-- The projects of a batch. In: [id].
SELECT project.id, project.name, project.owner_org_id
FROM jsonb_array_elements_text(%(asked)s) AS asked (id)
CROSS JOIN LATERAL (
    SELECT id, name, owner_org_id FROM public.projects WHERE id = asked.id::uuid OFFSET 0
) AS project
