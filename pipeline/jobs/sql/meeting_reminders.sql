-- Remind the participants of meetings that begin soon: one page.
--
-- In: as pipeline.jobs.job.Pages says, and: lead_minutes, how long before the start; include_declined
-- and include_organizer, whether those who declined and the organizer are reminded too.
--
-- A row of fanout.meeting_reminders lets the event of a participant through once for each start. Its
-- event is emitted by the same statement, so that neither can be without the other.
WITH clock AS MATERIALIZED (
    -- A tick may be hours late, and nobody is reminded of a meeting that has begun since. A time that
    -- is a day or more ago was given by a person, who wants to see that day.
    SELECT CASE
        WHEN statement_timestamp() < %(now)s::timestamptz + interval '1 day'
        THEN greatest(statement_timestamp(), %(now)s::timestamptz)
        ELSE %(now)s::timestamptz
    END AS at
),
page AS MATERIALIZED (
    SELECT meeting.id AS meeting_id, meeting.start_time, participant.*
    FROM public.meetings AS meeting
    CROSS JOIN LATERAL (
        SELECT user_id,
               coalesce(response_status = 'declined', false) AS has_declined,
               coalesce(is_organizer, false) AS is_organizer
        FROM public.meeting_participants
        WHERE meeting_id = meeting.id
        OFFSET 0
    ) AS participant
    WHERE meeting.status = 'scheduled'
    AND meeting.start_time > (SELECT at FROM clock)
    AND meeting.start_time
        <= (SELECT at FROM clock) + make_interval(mins => %(lead_minutes)s::int)
    -- The first part lets an index find where the page begins.
    AND meeting.start_time
        >= coalesce((%(after)s::jsonb ->> 0)::timestamptz, (SELECT at FROM clock))
    AND (
        %(after)s::text IS NULL
        OR (meeting.start_time, meeting.id, participant.user_id) > (
            (%(after)s::jsonb ->> 0)::timestamptz, (%(after)s::jsonb ->> 1)::uuid,
            (%(after)s::jsonb ->> 2)::uuid)
    )
    ORDER BY meeting.start_time, meeting.id, participant.user_id
    LIMIT %(most)s::int
),
due AS MATERIALIZED (
    SELECT page.meeting_id, page.user_id, page.start_time,
           (%(include_declined)s::boolean OR NOT page.has_declined)
           AND (%(include_organizer)s::boolean OR NOT page.is_organizer) AS is_wanted,
           meeting.project_id,
           jsonb_build_object(
               'meeting_id', page.meeting_id,
               'user_id', page.user_id,
               'meeting_title', meeting.title,
               'start_time', page.start_time,
               'end_time', meeting.end_time,
               'meeting_link', meeting.meeting_link,
               -- The minutes left, rounded up.
               'reminder_minutes',
               ceil(extract(epoch FROM page.start_time - (SELECT at FROM clock)) / 60)::int,
               'organizer_id', meeting.organizer_id
           ) AS payload
    FROM page
    CROSS JOIN LATERAL (
        SELECT project_id, title, end_time, meeting_link, organizer_id
        FROM public.meetings
        WHERE id = page.meeting_id
        OFFSET 0
    ) AS meeting
    WHERE NOT EXISTS (
        SELECT FROM fanout.meeting_reminders AS told
        WHERE told.meeting_id = page.meeting_id
        AND told.user_id = page.user_id
        AND told.start_time = page.start_time
        AND told.lead_minutes = %(lead_minutes)s::int
        OFFSET 0
    )
    -- The job that this one replaces did not record the start. What it sent counts if it was sent
    -- after this reminder was due, unless we sent it for another start.
    AND NOT EXISTS (
        SELECT FROM public.meeting_reminders_sent AS sent
        WHERE sent.meeting_id = page.meeting_id
        AND sent.user_id = page.user_id
        AND sent.reminder_type = %(lead_minutes)s::int || 'min'
        AND sent.sent_at >= page.start_time - make_interval(mins => %(lead_minutes)s::int)
        AND NOT EXISTS (
            SELECT FROM fanout.meeting_reminders AS told
            WHERE told.meeting_id = page.meeting_id AND told.user_id = page.user_id
            OFFSET 0
        )
        OFFSET 0
    )
),
said AS MATERIALIZED (
    SELECT jsonb_object_agg(
        meeting_id || ' ' || user_id,
        jsonb_build_object('project_id', project_id, 'payload', payload)
    ) AS events
    FROM due
    WHERE is_wanted
),
reminded AS (
    INSERT INTO fanout.meeting_reminders (meeting_id, user_id, start_time, lead_minutes)
    SELECT meeting_id, user_id, start_time, %(lead_minutes)s::int
    FROM due
    WHERE is_wanted AND NOT %(dry_run)s::boolean
    ORDER BY meeting_id, user_id
    ON CONFLICT DO NOTHING
    RETURNING meeting_id, user_id
),
-- The application's own record, if its constraint allows the lead time.
recorded AS (
    INSERT INTO public.meeting_reminders_sent (meeting_id, user_id, reminder_type, sent_at)
    SELECT meeting_id, user_id, %(lead_minutes)s::int || 'min', %(now)s::timestamptz
    FROM reminded
    WHERE %(lead_minutes)s::int IN (5, 15, 30)
    ORDER BY meeting_id, user_id
    ON CONFLICT DO NOTHING
),
emitted AS (
    INSERT INTO public.domain_events (event_type, actor_id, project_id, meeting_id, payload)
    SELECT 'meeting_reminder', user_id, (event ->> 'project_id')::uuid, meeting_id,
           event -> 'payload'
    FROM reminded
    CROSS JOIN LATERAL (
        SELECT (SELECT events FROM said) -> (meeting_id || ' ' || user_id) AS event OFFSET 0
    ) AS looked_up
    RETURNING true
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM due) AS due,
       (SELECT count(*) FROM emitted) AS emitted,
       CASE WHEN %(dry_run)s::boolean
           THEN (SELECT count(*) FROM due WHERE NOT is_wanted)
           ELSE (SELECT count(*) FROM due) - (SELECT count(*) FROM emitted)
       END AS skipped,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT jsonb_build_array(start_time, meeting_id, user_id)::text
           FROM page
           ORDER BY start_time DESC, meeting_id DESC, user_id DESC
           LIMIT 1
       ) END AS cursor,
       CASE WHEN %(dry_run)s::boolean THEN (
           SELECT jsonb_agg(
               jsonb_build_object(
                   'event_type', 'meeting_reminder', 'project_id', project_id,
                   'would_notify', is_wanted
               ) || payload
               ORDER BY start_time, meeting_id, user_id)
           FROM due
       ) END AS preview
