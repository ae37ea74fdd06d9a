-- Delete the rows that prevent a second nudge about a resume, after its anchor has changed: one page,
-- by primary key. In and out as delete_ledger_rows.sql says.
--
-- The anchor has changed if the resume was edited later, if the person had a later nudge about it, or
-- if the project is gone.
WITH cutoff AS MATERIALIZED (
    SELECT least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int) AS at
),
page AS MATERIALIZED (
    SELECT user_id, project_id, resume_type, anchor, tier,
           greatest(created_at, anchor) < (SELECT at FROM cutoff) AS is_old,
           EXISTS (
               SELECT FROM fanout.resume_nudges AS later
               WHERE later.user_id = told.user_id
               AND later.project_id = told.project_id
               AND later.resume_type = told.resume_type
               AND (later.anchor, later.tier) > (told.anchor, told.tier)
               OFFSET 0
           ) OR EXISTS (
               SELECT FROM public.project_workspace_activity
               WHERE project_id = told.project_id
               AND CASE told.resume_type
                   WHEN 'project' THEN last_project_resume_edit_at
                   ELSE last_borrower_resume_edit_at
               END > told.anchor
               OFFSET 0
           ) OR NOT EXISTS (
               SELECT FROM public.projects WHERE id = told.project_id OFFSET 0
           ) AS has_moved_on,
           ctid AS place
    FROM fanout.resume_nudges AS told
    WHERE (user_id, project_id, resume_type, anchor, tier) >= (
        coalesce((%(after)s::jsonb ->> 0)::uuid, '00000000-0000-0000-0000-000000000000'),
        coalesce((%(after)s::jsonb ->> 1)::uuid, '00000000-0000-0000-0000-000000000000'),
        coalesce(%(after)s::jsonb ->> 2, ''),
        coalesce((%(after)s::jsonb ->> 3)::timestamptz, '-infinity'),
        coalesce((%(after)s::jsonb ->> 4)::int, -2147483648)
    )
    AND (
        %(after)s::text IS NULL
        OR (user_id, project_id, resume_type, anchor, tier) <> (
            (%(after)s::jsonb ->> 0)::uuid,
            (%(after)s::jsonb ->> 1)::uuid,
            %(after)s::jsonb ->> 2,
            (%(after)s::jsonb ->> 3)::timestamptz,
            (%(after)s::jsonb ->> 4)::int
        )
    )
    ORDER BY user_id, project_id, resume_type, anchor, tier
    LIMIT %(most)s::int
),
deleted AS (
    DELETE FROM fanout.resume_nudges AS told
    WHERE NOT %(dry_run)s::boolean
    AND told.ctid = ANY (ARRAY(SELECT place FROM page WHERE is_old AND has_moved_on))
    AND told.created_at < (SELECT at FROM cutoff)
    RETURNING true
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM page WHERE is_old AND has_moved_on) AS due,
       (SELECT count(*) FROM deleted) AS deleted,
       (SELECT count(*) FROM page WHERE is_old AND NOT has_moved_on) AS kept,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT jsonb_build_array(user_id, project_id, resume_type, anchor, tier)::text
           FROM page
           ORDER BY user_id DESC, project_id DESC, resume_type DESC, anchor DESC, tier DESC
           LIMIT 1
       ) END AS cursor
