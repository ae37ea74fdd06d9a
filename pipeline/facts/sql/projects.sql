-- The projects of a batch. In: [id].
SELECT project.id, project.name, project.owner_org_id
FROM jsonb_array_elements_text(%(asked)s) AS asked (id)
JOIN public.projects AS project ON project.id = asked.id::uuid
