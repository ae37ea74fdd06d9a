-- Nudge participants who have not read the messages of a thread: one page of participants.
--
-- In: as pipeline.jobs.job.Pages says, and: unread_minutes, how old the newest message of a thread
-- must be at least; most_stale_days, how old it may be at most; system_users, an array of ids:
-- participants that are programs.
--
-- A row of fanout.thread_nudges lets the event of a person through once for each newest message. Its
-- event is emitted by the same statement, so that neither can be without the other.
WITH page AS MATERIALIZED (
    SELECT thread_id, user_id, last_read_at,
           -- A person need not read what was written before they joined. A time after now is ignored.
           CASE WHEN created_at <= %(now)s::timestamptz
               THEN greatest(last_read_at, created_at)
               ELSE last_read_at
           END AS read_up_to
    FROM public.chat_thread_participants
    -- The first part lets an index find where the page begins.
    WHERE (thread_id, user_id) >= (
        coalesce(
            (%(after)s::jsonb ->> 0)::uuid, '00000000-0000-0000-0000-000000000000'::uuid),
        coalesce(
            (%(after)s::jsonb ->> 1)::uuid, '00000000-0000-0000-0000-000000000000'::uuid))
    AND (
        %(after)s::text IS NULL
        OR (thread_id, user_id)
            <> ((%(after)s::jsonb ->> 0)::uuid, (%(after)s::jsonb ->> 1)::uuid)
    )
    ORDER BY thread_id, user_id
    LIMIT %(most)s::int
),
unread AS MATERIALIZED (
    SELECT page.thread_id, page.user_id, page.last_read_at, page.read_up_to,
           newest.created_at AS latest_message_at, newest.user_id AS latest_sender_id
    FROM page
    CROSS JOIN LATERAL (
        SELECT created_at, user_id
        FROM public.project_messages
        WHERE thread_id = page.thread_id
        ORDER BY created_at DESC, id DESC
        LIMIT 1
    ) AS newest
    WHERE newest.created_at
        < %(now)s::timestamptz - make_interval(mins => %(unread_minutes)s::int)
    AND newest.created_at
        >= %(now)s::timestamptz - make_interval(days => %(most_stale_days)s::int)
    AND newest.user_id IS DISTINCT FROM page.user_id
    AND newest.created_at > page.read_up_to
    AND page.user_id <> ALL (%(system_users)s::uuid[])
),
due AS MATERIALIZED (
    SELECT unread.thread_id, unread.user_id, unread.latest_message_at, thread.project_id,
           preference.status IS DISTINCT FROM 'muted' AS is_wanted,
           jsonb_build_object(
               'user_id', unread.user_id,
               'thread_topic', thread.topic,
               'latest_message_at', unread.latest_message_at,
               'latest_sender_id', unread.latest_sender_id,
               'anchor_last_read_at', unread.last_read_at,
               'unread_count', messages.number
           ) AS payload
    FROM unread
    CROSS JOIN LATERAL (
        SELECT project_id, topic FROM public.chat_threads WHERE id = unread.thread_id OFFSET 0
    ) AS thread
    CROSS JOIN LATERAL (
        SELECT count(*) AS number
        FROM (
            SELECT FROM public.project_messages
            WHERE thread_id = unread.thread_id
            AND created_at > unread.read_up_to
            AND user_id IS DISTINCT FROM unread.user_id
            -- Counting very many messages for many people would take long, and helps nobody.
            LIMIT 10000
        ) AS limited
    ) AS messages
    -- The rule of pipeline.fanout.preferences for e-mail, the only channel of this event: rows for
    -- e-mail come before rows for the app; then the most specific one decides.
    LEFT JOIN LATERAL (
        SELECT status
        FROM public.user_notification_preferences
        WHERE user_id = unread.user_id
        AND event_type IN ('thread_unread_stale', '*')
        AND channel IN ('email', 'in_app', '*')
        AND (
            scope_type = 'global'
            OR scope_type = 'project' AND scope_id = thread.project_id
            OR scope_type = 'thread' AND scope_id = unread.thread_id
        )
        ORDER BY channel <> 'in_app' DESC,
                 CASE scope_type WHEN 'thread' THEN 2 WHEN 'project' THEN 1 ELSE 0 END DESC,
                 event_type <> '*' DESC, channel <> '*' DESC,
                 coalesce(updated_at::timestamptz, '-infinity') DESC, id DESC
        LIMIT 1
    ) AS preference ON true
    -- Also later ones: after the newest message was deleted, an older one is the newest again.
    WHERE NOT EXISTS (
        SELECT FROM fanout.thread_nudges AS told
        WHERE told.thread_id = unread.thread_id
        AND told.user_id = unread.user_id
        AND told.latest_message_at >= unread.latest_message_at
        OFFSET 0
    )
    AND NOT EXISTS (
        SELECT FROM public.unread_thread_stale_log AS told
        WHERE told.thread_id = unread.thread_id
        AND told.user_id = unread.user_id
        AND told.latest_message_at >= unread.latest_message_at
        OFFSET 0
    )
),
said AS MATERIALIZED (
    SELECT jsonb_object_agg(
        thread_id || ' ' || user_id,
        jsonb_build_object('project_id', project_id, 'payload', payload)
    ) AS events
    FROM due
    WHERE is_wanted
),
nudged AS (
    INSERT INTO fanout.thread_nudges (thread_id, user_id, latest_message_at)
    SELECT thread_id, user_id, latest_message_at
    FROM due
    WHERE is_wanted AND NOT %(dry_run)s::boolean
    ORDER BY thread_id, user_id
    ON CONFLICT DO NOTHING
    RETURNING thread_id, user_id
),
emitted AS (
    INSERT INTO public.domain_events (event_type, project_id, thread_id, payload)
    SELECT 'thread_unread_stale', (event ->> 'project_id')::uuid, thread_id, event -> 'payload'
    FROM nudged
    CROSS JOIN LATERAL (
        SELECT (SELECT events FROM said) -> (thread_id || ' ' || user_id) AS event OFFSET 0
    ) AS looked_up
    RETURNING id, thread_id, payload
),
-- The application's own record.
recorded AS (
    INSERT INTO public.unread_thread_stale_log (
        thread_id, user_id, latest_message_at, event_id, sent_at
    )
    SELECT thread_id, (payload ->> 'user_id')::uuid,
           (payload ->> 'latest_message_at')::timestamptz, id, %(now)s::timestamptz
    FROM emitted
    ORDER BY id
    ON CONFLICT DO NOTHING
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM due) AS due,
       (SELECT count(*) FROM emitted) AS emitted,
       CASE WHEN %(dry_run)s::boolean
           THEN (SELECT count(*) FROM due WHERE NOT is_wanted)
           ELSE (SELECT count(*) FROM due) - (SELECT count(*) FROM emitted)
       END AS skipped,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT jsonb_build_array(thread_id, user_id)::text
           FROM page
           ORDER BY thread_id DESC, user_id DESC
           LIMIT 1
       ) END AS cursor,
       CASE WHEN %(dry_run)s::boolean THEN (
           SELECT jsonb_agg(
               jsonb_build_object(
                   'event_type', 'thread_unread_stale', 'thread_id', thread_id,
                   'thread_label', regexp_replace(
                       coalesce(nullif(btrim(payload ->> 'thread_topic'), ''), 'general'),
                       '^(?!#)', '#'),
                   'project_id', project_id,
                   'project_name', (SELECT name FROM public.projects WHERE id = project_id),
                   'would_notify', is_wanted
               ) || payload
               ORDER BY thread_id, user_id)
           FROM due
       ) END AS preview
