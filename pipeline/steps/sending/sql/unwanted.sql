-- What people do not want on a channel, or may not view any more. In: channel, push or email; one each:
-- numbers, users, events (NULL: it tells no event), names of their preferences, reaches (0 global,
-- 1 project, 2 thread), whether it is critical, and whether it tells that access was lost.
-- Out: the number, and why: muted or no_access.
--
-- The rules of the preferences are those of pipeline/fanout/preferences.py: thread beats project beats
-- global; within a scope the exact type beats *, then the exact channel beats *, then the newest row wins;
-- without a row for the channel or * the answer for the app counts. What is critical is kept back only by a
-- row for the channel itself.
SELECT asked.number, CASE
    WHEN lost.found AND NOT asked.tells_loss THEN 'no_access'
    ELSE 'muted'
END
FROM unnest(
    %(numbers)s::bigint[], %(users)s::uuid[], %(events)s::bigint[], %(names)s::text[],
    %(reaches)s::int[], %(critical)s::boolean[], %(tell_loss)s::boolean[]
) AS asked (number, user_id, event_id, name, reach, is_critical, tells_loss)
LEFT JOIN LATERAL (
    SELECT project_id, thread_id, resource_id, meeting_id
    FROM public.domain_events
    WHERE id = asked.event_id
    OFFSET 0
) AS event ON true
LEFT JOIN LATERAL (
    SELECT coalesce(
        (SELECT project_id FROM public.chat_threads WHERE id = event.thread_id),
        event.project_id,
        (SELECT project_id FROM public.resources WHERE id = event.resource_id)
    ) AS id
    OFFSET 0
) AS project ON true
-- As document_viewers.sql of the facts says: an owner of its organisation sees a document; for others the
-- permission on the nearest resource upwards decides.
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM public.org_members
        WHERE user_id = asked.user_id AND role = 'owner'
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
            WHERE resource_id = ancestors.id AND user_id = asked.user_id
            OFFSET 0
        ) AS granted
        ORDER BY ancestors.depth
        LIMIT 1
    ), false) AS is_visible
) AS document
CROSS JOIN LATERAL (
    -- As for the fan-out: who is in a thread or a meeting need not have its project.
    SELECT coalesce(CASE
        WHEN event.thread_id IS NOT NULL THEN NOT EXISTS (
            SELECT FROM public.chat_thread_participants AS participant
            WHERE participant.thread_id = event.thread_id
                AND participant.user_id = asked.user_id
            OFFSET 0
        )
        WHEN event.meeting_id IS NOT NULL THEN false
        WHEN event.project_id IS NOT NULL THEN NOT EXISTS (
            SELECT FROM public.project_access_grants AS access
            WHERE access.project_id = event.project_id AND access.user_id = asked.user_id
            OFFSET 0
        ) AND NOT EXISTS (
            SELECT FROM public.projects AS owned
            JOIN public.org_members AS member ON member.org_id = owned.owner_org_id
            WHERE owned.id = event.project_id AND member.user_id = asked.user_id
            OFFSET 0
        )
    END, false) OR event.resource_id IS NOT NULL AND NOT document.is_visible AS found
) AS lost
LEFT JOIN LATERAL (
    SELECT status, channel
    FROM public.user_notification_preferences
    WHERE user_id = asked.user_id
        AND event_type IN (asked.name, '*')
        AND channel IN (%(channel)s, 'in_app', '*')
        AND (
            scope_type = 'global'
            OR asked.reach >= 1 AND scope_type = 'project' AND scope_id = project.id
            OR asked.reach >= 2 AND scope_type = 'thread' AND scope_id = event.thread_id
        )
    ORDER BY channel <> 'in_app' DESC,
        array_position(ARRAY['thread', 'project', 'global'], scope_type),
        event_type <> '*' DESC,
        channel <> '*' DESC,
        updated_at DESC NULLS LAST,
        id DESC
    LIMIT 1
) AS preference ON true
WHERE lost.found AND NOT asked.tells_loss
    OR preference.status = 'muted' AND (NOT asked.is_critical OR preference.channel = %(channel)s)
