-- Adds a file to a project, and notifies everyone who can view it.
--
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v actor=UUID -v project=UUID -v file='Rent roll.xlsx' -f examples/upload.sql
--
-- psql writes :'file' as a quoted text, so a quote in the name is safe.

BEGIN;

WITH file AS (
    INSERT INTO public.resources (org_id, project_id, resource_type, name)
    SELECT project.owner_org_id, project.id, 'FILE', :'file'
    FROM public.projects AS project
    WHERE project.id = :'project'
    RETURNING id, project_id, name
)
INSERT INTO public.domain_events (event_type, actor_id, project_id, resource_id, payload)
SELECT 'document_uploaded', :'actor', file.project_id, file.id, jsonb_build_object('fileName', file.name)
FROM file
RETURNING id AS event;

COMMIT;
