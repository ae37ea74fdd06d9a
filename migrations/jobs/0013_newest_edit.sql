-- Finds the newest edit of a project's resumes, whoever made it.

-- Built in the file's transaction, writers of project_workspace_activity wait for one scan of the
-- table. Where that is too long, create it beforehand, CONCURRENTLY and under this name.
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE oid = 'public.project_workspace_activity'::regclass AND relkind IN ('r', 'p')
    ) THEN
        CREATE INDEX IF NOT EXISTS project_workspace_activity_newest_edit_idx
            ON public.project_workspace_activity (project_id);
    END IF;
END
$$;
