-- Finds the newest message of a thread, and counts those that a person has not read.

-- Built in the file's transaction, writers of project_messages wait for one scan of the table: about
-- a second for each million messages. Where that is too long, create it beforehand, CONCURRENTLY and
-- under this name. A view has no index: the tables below it need one.
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE oid = 'public.project_messages'::regclass AND relkind IN ('r', 'p')
    ) THEN
        CREATE INDEX IF NOT EXISTS project_messages_newest_idx
            ON public.project_messages (thread_id, created_at, id) INCLUDE (user_id);
    END IF;
END
$$;
