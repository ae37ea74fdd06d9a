-- Write a batch of outcomes: the ledger, and what follows for every event the ledger lets through.
--
-- In: one JSON document with the lists events, notifications, counts, emails and skips.
-- Out: for each event 'written', 'completed' (it was before: nothing is written) or 'missing' (no
-- such row in domain_events), and the milliseconds since the row was created.
--
-- The ledger is the gate: an event that is completed already gives no row in admitted, and every
-- other insert joins on it. All inserts are ordered by their keys, so that two writers with the same
-- events wait for each other instead of deadlocking.
WITH document AS MATERIALIZED (
    SELECT %(batch)s::jsonb AS batch
),
event AS MATERIALIZED (
    SELECT event.*, origin.id IS NOT NULL AS known, origin.created_at
    FROM document, jsonb_to_recordset(document.batch -> 'events') AS event (
        event_id bigint, event_type text, status text, reason text,
        notifications int, emails int, skipped int
    )
    LEFT JOIN public.domain_events AS origin ON origin.id = event.event_id
),
admitted AS (
    INSERT INTO public.notification_processing AS ledger (
        event_id, event_type, processing_status, reason, notifications, emails, skipped,
        event_created_at, completed_at, processor_id, pipeline_version
    )
    SELECT event_id, event_type, status, reason, notifications, emails, skipped,
           created_at, clock_timestamp(), 'fanout', %(version)s
    FROM event
    WHERE known
    ORDER BY event_id
    ON CONFLICT (event_id) DO UPDATE SET
        event_type = excluded.event_type,
        processing_status = excluded.processing_status,
        reason = excluded.reason,
        notifications = excluded.notifications,
        emails = excluded.emails,
        skipped = excluded.skipped,
        event_created_at = excluded.event_created_at,
        completed_at = excluded.completed_at,
        processor_id = excluded.processor_id,
        pipeline_version = excluded.pipeline_version,
        error_message = NULL
    WHERE ledger.processing_status <> 'completed'
    RETURNING event_id
),
notified AS (
    INSERT INTO public.notifications (event_id, user_id, kind, title, body, link_url, payload)
    SELECT event_id, user_id, kind, title, body, link_url, payload
    FROM document, jsonb_to_recordset(document.batch -> 'notifications') AS wanted (
        event_id bigint, user_id uuid, kind text, title text, body text, link_url text,
        payload jsonb
    )
    JOIN admitted USING (event_id)
    -- A row without a kind was written by the application itself: it counts as told.
    WHERE NOT EXISTS (
        SELECT FROM public.notifications AS earlier
        WHERE earlier.event_id = wanted.event_id
        AND earlier.user_id = wanted.user_id
        AND earlier.kind IS NULL
    )
    ORDER BY event_id, user_id, kind
    ON CONFLICT (event_id, user_id, kind) DO NOTHING
),
wanted_count AS (
    SELECT wanted.*, event.created_at
    FROM document, jsonb_to_recordset(document.batch -> 'counts') AS wanted (
        event_id bigint, user_id uuid, thread_id uuid, thread_name text, label text,
        project_name text, link_url text
    )
    JOIN admitted USING (event_id)
    JOIN event USING (event_id)
    -- The application itself may have counted the event, in a row that has been read since.
    WHERE NOT EXISTS (
        SELECT FROM public.notifications AS earlier
        WHERE earlier.event_id = wanted.event_id
        AND earlier.user_id = wanted.user_id
        AND (earlier.kind IS NULL OR earlier.kind = 'thread_activity')
    )
),
-- The messages of one batch for one counter row, summed: a statement can update a row only once.
-- Names and links are the same within a batch, since its facts were loaded once.
tally AS (
    SELECT user_id, thread_id, count(*)::int AS messages,
           (array_agg(event_id ORDER BY created_at, event_id))[1] AS first_event_id,
           max(thread_name) AS thread_name, max(label) AS label,
           max(project_name) AS project_name, max(link_url) AS link_url
    FROM wanted_count
    GROUP BY user_id, thread_id
),
counted AS (
    INSERT INTO public.notifications AS counter (
        event_id, user_id, kind, counter_thread_id, title, body, link_url, payload
    )
    SELECT first_event_id, user_id, 'thread_activity', thread_id,
           'New messages in ' || project_name,
           messages || CASE messages WHEN 1 THEN ' new message' ELSE ' new messages' END
               || ' in **' || label || '**',
           link_url,
           jsonb_build_object(
               'type', 'thread_activity', 'count', messages, 'thread_id', thread_id,
               'thread_name', thread_name, 'project_name', project_name
           )
    FROM tally
    ORDER BY user_id, thread_id
    ON CONFLICT (user_id, counter_thread_id)
        WHERE read_at IS NULL AND counter_thread_id IS NOT NULL
    DO UPDATE SET
        title = excluded.title,
        body = coalesce((counter.payload ->> 'count')::int, 1)
            + (excluded.payload ->> 'count')::int
            || ' new messages' || substr(excluded.body, strpos(excluded.body, ' in **')),
        payload = counter.payload || excluded.payload || jsonb_build_object(
            'count', coalesce((counter.payload ->> 'count')::int, 1)
                + (excluded.payload ->> 'count')::int
        ),
        created_at = excluded.created_at
    RETURNING event_id, user_id, counter_thread_id
),
mailed AS (
    INSERT INTO public.pending_emails (
        event_id, user_id, event_type, delivery_type, project_id, project_name, subject, body_data
    )
    SELECT event_id, user_id, event.event_type, delivery_type, project_id, project_name, subject,
           body_data
    FROM document, jsonb_to_recordset(document.batch -> 'emails') AS wanted (
        event_id bigint, user_id uuid, delivery_type text, project_id uuid, project_name text,
        subject text, body_data jsonb
    )
    JOIN admitted USING (event_id)
    JOIN event USING (event_id)
    ORDER BY event_id, user_id
    ON CONFLICT (event_id, user_id) DO NOTHING
),
skipped AS (
    INSERT INTO public.notification_decisions (event_id, user_id, channel, reason, preference_id)
    SELECT event_id, user_id, channel, reason, preference_id
    FROM document, jsonb_to_recordset(document.batch -> 'skips') AS wanted (
        event_id bigint, user_id uuid, channel text, reason text, preference_id uuid
    )
    JOIN admitted USING (event_id)
    UNION ALL
    -- Who has no row for a message was told by the row of an earlier one.
    SELECT wanted.event_id, wanted.user_id, 'in_app', 'counted', NULL
    FROM wanted_count AS wanted
    JOIN counted
        ON counted.user_id = wanted.user_id
        AND counted.counter_thread_id = wanted.thread_id
        AND counted.event_id <> wanted.event_id
    ORDER BY event_id, user_id, channel
    ON CONFLICT (event_id, user_id, channel) DO NOTHING
),
-- An event that is completed after all, by a replay as a rule, needs no dead letter any more.
resolved AS (
    UPDATE public.event_dead_letters AS letter
    SET resolved_at = now(), resolution = 'written'
    FROM admitted
    JOIN event USING (event_id)
    WHERE letter.letter_key = 'event:' || admitted.event_id
    -- IS NULL would let the planner read all open letters for each event, when it expects none.
    AND coalesce(letter.resolved_at, 'infinity') = 'infinity'
    AND event.status = 'completed'
)
SELECT event.event_id,
       CASE
           WHEN NOT event.known THEN 'missing'
           WHEN admitted.event_id IS NULL THEN 'completed'
           ELSE 'written'
       END,
       round(extract(epoch FROM clock_timestamp() - event.created_at) * 1000)::bigint
FROM event
LEFT JOIN admitted USING (event_id)
