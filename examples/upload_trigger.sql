-- Notifies everyone who can view a new file, whichever program adds the file to a project.
--
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f examples/upload_trigger.sql
--
-- A trigger does not know who is logged in to the application. A program can tell it, for one transaction:
--
--   SET LOCAL app.user_id = '6f1c2a34-0000-4000-8000-000000000001';
--
-- A program that imports files without notifying anyone sets: SET LOCAL app.silent = 'on';

CREATE OR REPLACE FUNCTION public.tell_of_upload() RETURNS trigger
LANGUAGE plpgsql
SET search_path = ''
AS $$
BEGIN
    IF current_setting('app.silent', true) = 'on' THEN
        RETURN NULL;
    END IF;
    INSERT INTO public.domain_events (event_type, actor_id, project_id, resource_id, payload)
    VALUES (
        'document_uploaded',
        -- After the transaction that set it, the setting is an empty text.
        nullif(current_setting('app.user_id', true), '')::uuid,
        NEW.project_id,
        NEW.id,
        jsonb_build_object('fileName', NEW.name)
    );
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER tell_of_upload
AFTER INSERT ON public.resources
FOR EACH ROW
WHEN (NEW.resource_type = 'FILE' AND NEW.project_id IS NOT NULL)
EXECUTE FUNCTION public.tell_of_upload();
