-- Ask owners to complete the resumes of their projects: one page of projects and their owners.
--
-- In: as pipeline.jobs.job.Pages says, and: most_stale_days, how old the newest edit may be at most.
--
-- The anchor of a resume is its newest edit by anybody, or else the creation of the project. With the
-- edits of each owner alone, one owner would be asked for what another one has just done.
--
-- A row of fanout.resume_nudges lets the event of an owner through once for each anchor and tier. Its
-- event is emitted by the same statement, so that neither can be without the other.
WITH page AS MATERIALIZED (
    -- A project without an owner is a row too, so that the size of a page is limited.
    SELECT project.id AS project_id, project.created_at, owner.user_id
    FROM public.projects AS project
    LEFT JOIN LATERAL (
        SELECT user_id
        FROM public.org_members
        WHERE org_id = project.owner_org_id AND role = 'owner'
        OFFSET 0
    ) AS owner ON true
    -- The first part lets an index find where the page begins.
    WHERE project.id >= coalesce(
        (%(after)s::jsonb ->> 0)::uuid, '00000000-0000-0000-0000-000000000000'::uuid)
    AND (
        %(after)s::text IS NULL
        OR project.id > (%(after)s::jsonb ->> 0)::uuid
        OR owner.user_id > (%(after)s::jsonb ->> 1)::uuid
    )
    ORDER BY project.id, owner.user_id
    LIMIT %(most)s::int
),
left_alone AS MATERIALIZED (
    SELECT page.project_id, page.user_id, resume.type, resume.anchor,
           CASE
               WHEN resume.anchor <= %(now)s::timestamptz - interval '168 hours' THEN 4
               WHEN resume.anchor <= %(now)s::timestamptz - interval '120 hours' THEN 3
               WHEN resume.anchor <= %(now)s::timestamptz - interval '72 hours' THEN 2
               ELSE 1
           END AS tier
    FROM page
    CROSS JOIN LATERAL (
        SELECT max(last_project_resume_edit_at) AS project,
               max(last_borrower_resume_edit_at) AS borrower
        FROM public.project_workspace_activity
        WHERE project_id = page.project_id
        OFFSET 0
    ) AS edited
    CROSS JOIN LATERAL (
        VALUES ('project', coalesce(edited.project, page.created_at)),
               ('borrower', coalesce(edited.borrower, page.created_at))
    ) AS resume (type, anchor)
    WHERE page.user_id IS NOT NULL
    AND resume.anchor <= %(now)s::timestamptz - interval '24 hours'
    AND resume.anchor
        >= %(now)s::timestamptz - make_interval(days => %(most_stale_days)s::int)
),
due AS MATERIALIZED (
    SELECT left_alone.project_id, left_alone.user_id, left_alone.type, left_alone.anchor,
           left_alone.tier,
           jsonb_build_object(
               'user_id', left_alone.user_id,
               'resume_type', left_alone.type,
               'completion_percent', resume.percent,
               'nudge_tier', left_alone.tier,
               'anchor_activity_at', key.anchor
           ) AS payload
    FROM left_alone
    -- In the form that the handler compares: always with six digits of a second.
    CROSS JOIN LATERAL (
        SELECT to_char(
            left_alone.anchor AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'
        ) AS anchor
    ) AS key
    -- There may be no such resource, or several.
    LEFT JOIN LATERAL (
        SELECT current_version_id
        FROM public.resources
        WHERE project_id = left_alone.project_id
        AND resource_type
            = CASE left_alone.type WHEN 'project' THEN 'PROJECT_RESUME' ELSE 'BORROWER_RESUME' END
        AND current_version_id IS NOT NULL
        ORDER BY updated_at DESC, id
        LIMIT 1
    ) AS current ON true
    -- The current version, or else the newest one. Without a version, the resume is empty.
    CROSS JOIN LATERAL (
        SELECT coalesce(floor(CASE
            WHEN left_alone.type = 'project' AND current.current_version_id IS NOT NULL THEN (
                SELECT completeness_percent FROM public.project_resumes
                WHERE id = current.current_version_id
            )
            WHEN left_alone.type = 'project' THEN (
                SELECT completeness_percent FROM public.project_resumes
                WHERE project_id = left_alone.project_id
                ORDER BY created_at DESC, version_number DESC
                LIMIT 1
            )
            WHEN current.current_version_id IS NOT NULL THEN (
                SELECT completeness_percent FROM public.borrower_resumes
                WHERE id = current.current_version_id
            )
            ELSE (
                SELECT completeness_percent FROM public.borrower_resumes
                WHERE project_id = left_alone.project_id
                ORDER BY created_at DESC, version_number DESC
                LIMIT 1
            )
        END)::int, 0) AS percent
        OFFSET 0
    ) AS resume
    WHERE resume.percent < 100
    -- Also later anchors: when the person of the newest edit is deleted, the anchor is older again.
    AND NOT EXISTS (
        SELECT FROM fanout.resume_nudges AS told
        WHERE told.user_id = left_alone.user_id
        AND told.project_id = left_alone.project_id
        AND told.resume_type = left_alone.type
        AND (told.anchor, told.tier) >= (left_alone.anchor, left_alone.tier)
        OFFSET 0
    )
    -- A nudge from before there were anchors counts if it was sent after this anchor.
    AND NOT EXISTS (
        SELECT FROM public.notifications
        WHERE user_id = left_alone.user_id
        AND payload ->> 'type' = 'resume_incomplete_nudge'
        AND payload ->> 'resume_type' = left_alone.type
        AND payload ->> 'nudge_tier' = left_alone.tier::text
        AND payload ->> 'project_id' = left_alone.project_id::text
        AND CASE
            WHEN payload ->> 'anchor_activity_at' IS NULL THEN created_at >= left_alone.anchor
            ELSE payload ->> 'anchor_activity_at' = key.anchor
        END
        OFFSET 0
    )
),
said AS MATERIALIZED (
    SELECT jsonb_object_agg(project_id || ' ' || user_id || ' ' || type, payload) AS payloads
    FROM due
),
nudged AS (
    INSERT INTO fanout.resume_nudges (user_id, project_id, resume_type, anchor, tier)
    SELECT user_id, project_id, type, anchor, tier
    FROM due
    WHERE NOT %(dry_run)s::boolean
    ORDER BY user_id, project_id, type
    ON CONFLICT DO NOTHING
    RETURNING user_id, project_id, resume_type
),
emitted AS (
    INSERT INTO public.domain_events (event_type, project_id, payload)
    SELECT 'resume_incomplete_nudge', project_id,
           (SELECT payloads FROM said) -> (project_id || ' ' || user_id || ' ' || resume_type)
    FROM nudged
    RETURNING true
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM due) AS due,
       (SELECT count(*) FROM emitted) AS emitted,
       CASE WHEN %(dry_run)s::boolean
           THEN 0
           ELSE (SELECT count(*) FROM due) - (SELECT count(*) FROM emitted)
       END AS skipped,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT jsonb_build_array(project_id, user_id)::text
           FROM page
           ORDER BY project_id DESC, user_id DESC NULLS LAST
           LIMIT 1
       ) END AS cursor,
       CASE WHEN %(dry_run)s::boolean THEN (
           SELECT jsonb_agg(
               jsonb_build_object(
                   'event_type', 'resume_incomplete_nudge', 'project_id', project_id,
                   'would_notify', true
               ) || payload
               ORDER BY project_id, user_id, type)
           FROM due
       ) END AS preview
