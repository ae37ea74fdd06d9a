-- The resources of a batch's events that name no project. In: [id].
SELECT resource.id, resource.project_id
FROM jsonb_array_elements_text(%(asked)s) AS asked (id)
CROSS JOIN LATERAL (
    SELECT id, project_id FROM public.resources WHERE id = asked.id::uuid OFFSET 0
) AS resource
