-- Delete the rows that prevent a second reminder, after the meeting is over: one page, by primary key.
-- In and out as delete_ledger_rows.sql says.
WITH cutoff AS MATERIALIZED (
    SELECT least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int) AS at
),
page AS MATERIALIZED (
    SELECT meeting_id, user_id, start_time, lead_minutes,
           start_time < (SELECT at FROM cutoff) AS is_old,
           NOT EXISTS (
               SELECT FROM public.meetings
               WHERE id = told.meeting_id
               AND greatest(start_time, end_time) >= (SELECT at FROM cutoff)
               OFFSET 0
           ) AS is_over,
           ctid AS place
    FROM fanout.meeting_reminders AS told
    WHERE (meeting_id, user_id, start_time, lead_minutes) >= (
        coalesce((%(after)s::jsonb ->> 0)::uuid, '00000000-0000-0000-0000-000000000000'),
        coalesce((%(after)s::jsonb ->> 1)::uuid, '00000000-0000-0000-0000-000000000000'),
        coalesce((%(after)s::jsonb ->> 2)::timestamptz, '-infinity'),
        coalesce((%(after)s::jsonb ->> 3)::int, -2147483648)
    )
    AND (
        %(after)s::text IS NULL
        OR (meeting_id, user_id, start_time, lead_minutes) <> (
            (%(after)s::jsonb ->> 0)::uuid,
            (%(after)s::jsonb ->> 1)::uuid,
            (%(after)s::jsonb ->> 2)::timestamptz,
            (%(after)s::jsonb ->> 3)::int
        )
    )
    ORDER BY meeting_id, user_id, start_time, lead_minutes
    LIMIT %(most)s::int
),
deleted AS (
    DELETE FROM fanout.meeting_reminders AS told
    WHERE NOT %(dry_run)s::boolean
    AND told.ctid = ANY (ARRAY(SELECT place FROM page WHERE is_old AND is_over))
    AND told.start_time < (SELECT at FROM cutoff)
    RETURNING true
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM page WHERE is_old AND is_over) AS due,
       (SELECT count(*) FROM deleted) AS deleted,
       (SELECT count(*) FROM page WHERE is_old AND NOT is_over) AS kept,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT jsonb_build_array(meeting_id, user_id, start_time, lead_minutes)::text
           FROM page
           ORDER BY meeting_id DESC, user_id DESC, start_time DESC, lead_minutes DESC
           LIMIT 1
       ) END AS cursor
