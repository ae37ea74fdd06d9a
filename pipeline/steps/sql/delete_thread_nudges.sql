-- Delete the rows that prevent a second nudge about a thread, after the thread has changed: one page, by
-- primary key. In and out as delete_ledger_rows.sql says.
--
-- A thread has changed if it has a later message, if the person had a nudge for a later one, or if the
-- thread is gone.
WITH cutoff AS MATERIALIZED (
    SELECT least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int) AS at
),
page AS MATERIALIZED (
    SELECT thread_id, user_id, latest_message_at,
           greatest(created_at, latest_message_at) < (SELECT at FROM cutoff) AS is_old,
           EXISTS (
               SELECT FROM fanout.thread_nudges AS later
               WHERE later.thread_id = told.thread_id
               AND later.user_id = told.user_id
               AND later.latest_message_at > told.latest_message_at
               OFFSET 0
           ) OR EXISTS (
               SELECT FROM public.project_messages
               WHERE thread_id = told.thread_id AND created_at > told.latest_message_at
               OFFSET 0
           ) OR NOT EXISTS (
               SELECT FROM public.chat_threads WHERE id = told.thread_id OFFSET 0
           ) AS has_moved_on,
           ctid AS place
    FROM fanout.thread_nudges AS told
    WHERE (thread_id, user_id, latest_message_at) >= (
        coalesce((%(after)s::jsonb ->> 0)::uuid, '00000000-0000-0000-0000-000000000000'),
        coalesce((%(after)s::jsonb ->> 1)::uuid, '00000000-0000-0000-0000-000000000000'),
        coalesce((%(after)s::jsonb ->> 2)::timestamptz, '-infinity')
    )
    AND (
        %(after)s::text IS NULL
        OR (thread_id, user_id, latest_message_at) <> (
            (%(after)s::jsonb ->> 0)::uuid,
            (%(after)s::jsonb ->> 1)::uuid,
            (%(after)s::jsonb ->> 2)::timestamptz
        )
    )
    ORDER BY thread_id, user_id, latest_message_at
    LIMIT %(most)s::int
),
deleted AS (
    DELETE FROM fanout.thread_nudges AS told
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
           SELECT jsonb_build_array(thread_id, user_id, latest_message_at)::text
           FROM page
           ORDER BY thread_id DESC, user_id DESC, latest_message_at DESC
           LIMIT 1
       ) END AS cursor
