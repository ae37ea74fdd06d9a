-- What a mail of an event is made of, and whether it is still sent. In: ids of pending_emails, and
-- of those among them that are critical. A critical mail is kept back only by the recipient's own word
-- about e-mail of this type, as unsubscribing leaves it.
--
-- reason: why it is not sent any more. A nudge about a thread is read once the thread is. The rules of
-- the preferences are those of pipeline/fanout/preferences.py: thread beats project beats global; within
-- a scope the exact type beats *, then the exact channel beats *, then the newest row wins; without a
-- row for e-mail or * the answer for the app counts.
SELECT email.id, person.email, person.full_name, email.event_type, email.subject, email.body_data,
    email.project_id, email.project_name,
    CASE
        WHEN coalesce(person.email, '') = '' THEN 'no_address'
        WHEN suppressed.found THEN 'suppressed'
        WHEN lost.found THEN 'no_access'
        WHEN preference.status = 'muted' AND preference.is_own_word THEN 'muted'
        WHEN email.id = ANY (%(critical)s::bigint[]) THEN NULL
        WHEN seen.found THEN 'read'
        WHEN preference.status = 'muted' THEN 'muted'
    END AS reason
FROM public.pending_emails AS email
LEFT JOIN LATERAL (
    SELECT email, full_name FROM public.profiles WHERE id = email.user_id OFFSET 0
) AS person ON true
LEFT JOIN LATERAL (
    SELECT thread_id, resource_id, created_at
    FROM public.domain_events
    WHERE id = email.event_id
    OFFSET 0
) AS event ON true
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM fanout.suppressions
        WHERE address_hash = fanout.address_hash(person.email)
        OFFSET 0
    ) AS found
) AS suppressed
-- As document_viewers.sql of the facts says: an owner of its organisation sees a document; for others the
-- permission on the nearest resource upwards decides.
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM public.org_members
        WHERE user_id = email.user_id AND role = 'owner'
            AND org_id = (SELECT org_id FROM public.resources WHERE id = event.resource_id)
        OFFSET 0
    ) OR coalesce((
        WITH RECURSIVE ancestors AS (
            SELECT event.resource_id AS id, 0 AS depth
            UNION ALL
            SELECT resource.parent_id, ancestors.depth + 1
            FROM ancestors
            CROSS JOIN LATERAL (
                SELECT parent_id FROM public.resources WHERE id = ancestors.id OFFSET 0
            ) AS resource
            -- The limit ends a cycle. The schema does not prevent one.
            WHERE resource.parent_id IS NOT NULL AND ancestors.depth < 64
        )
        SELECT granted.permission <> 'none'
        FROM ancestors
        CROSS JOIN LATERAL (
            SELECT permission
            FROM public.permissions
            WHERE resource_id = ancestors.id AND user_id = email.user_id
            OFFSET 0
        ) AS granted
        ORDER BY ancestors.depth
        LIMIT 1
    ), false) AS is_visible
) AS document
CROSS JOIN LATERAL (
    -- As for the fan-out: who is in a thread need not have its project.
    SELECT event.thread_id IS NULL AND email.project_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.project_access_grants AS access
        WHERE access.project_id = email.project_id AND access.user_id = email.user_id
        OFFSET 0
    ) AND NOT EXISTS (
        SELECT FROM public.projects AS project
        JOIN public.org_members AS member ON member.org_id = project.owner_org_id
        WHERE project.id = email.project_id AND member.user_id = email.user_id
        OFFSET 0
    ) OR event.thread_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.chat_thread_participants AS participant
        WHERE participant.thread_id = event.thread_id AND participant.user_id = email.user_id
        OFFSET 0
    ) OR event.resource_id IS NOT NULL AND NOT document.is_visible AS found
) AS lost
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM public.notifications
        WHERE event_id = email.event_id AND user_id = email.user_id AND read_at IS NOT NULL
        OFFSET 0
    ) OR email.event_type = 'thread_unread_stale' AND EXISTS (
        SELECT FROM public.chat_thread_participants
        WHERE thread_id = event.thread_id AND user_id = email.user_id
            AND last_read_at >= event.created_at
        OFFSET 0
    ) AS found
) AS seen
LEFT JOIN LATERAL (
    SELECT status, channel = 'email' AND event_type = email.event_type AS is_own_word
    FROM public.user_notification_preferences AS preference
    WHERE user_id = email.user_id
        AND event_type IN (email.event_type, '*')
        AND channel IN ('email', 'in_app', '*')
        AND (
            scope_type = 'global'
            OR scope_type = 'project' AND scope_id = email.project_id
            OR scope_type = 'thread' AND scope_id = event.thread_id
        )
    ORDER BY channel <> 'in_app' DESC,
        array_position(ARRAY['thread', 'project', 'global'], scope_type),
        event_type <> '*' DESC,
        channel <> '*' DESC,
        updated_at DESC NULLS LAST,
        id DESC
    LIMIT 1
) AS preference ON true
WHERE email.id = ANY (%(ids)s::bigint[])
