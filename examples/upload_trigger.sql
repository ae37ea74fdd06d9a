-- Whatever program adds a file to a project: everyone who can view it hears of it.
--
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f examples/upload_trigger.sql
--
-- A trigger does not know who is logged in to the application. A program that does says so, for its transaction:
--
--   SET LOCAL app.user_id = '6f1c2a34-0000-4000-8000-000000000001';
--
-- and one that imports what nobody must hear of says: SET LOCAL app.silent = 'on';

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
        -- A setting of an earlier transaction is an empty text by now.
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
