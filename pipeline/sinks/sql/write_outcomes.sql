-- Write a batch of outcomes: the ledger, and the rows of every event that the ledger admits.
--
-- In: one JSON document with the lists events, notifications, counts, emails and skips, and the
-- ordered, distinct ids of all people and projects in them; and lock_timeout: how long to wait for a
-- lock, in milliseconds, as a text.
-- Out: for each event 'written', 'completed' (it was completed before: nothing is written) or
-- 'missing' (domain_events has no such row), and the milliseconds since the row was created.
--
-- An event with very many recipients comes in pages, ordered by user id. told is the start and the end
-- of a page (see migrations/0017_pages.sql). last is true for the page that makes the state final.
--
-- An event of a paused type has the state 'paused' and no other rows. It is not finished.
--
-- The ledger is the gate: a completed event has no row in admitted, and all other rows are written only
-- for the events in admitted. All inserts are ordered by their keys, so that two writers with the same
-- events wait for each other instead of deadlocking.
--
-- Where mail is switched on, each e-mail that is sent at once gets its delivery here. Where push is, each
-- notification and each counted message does. Where webhooks are, each endpoint that hears of an event's
-- type does. The lines between "mail: begin" and "mail: end", and so on, are left out elsewhere, and those
-- of "deliveries" where neither mail nor push is on: the tables may not exist. Deliveries of an event with
-- pages go out once its last page is written.
--
-- First the statement locks the rows that others refer to (see migrations/0016_hold.sql). A person who
-- was deleted since the event was decided gets a skip. The other people still get their rows.
--
-- The time of the statement is linear in its rows. The planner cannot know how many rows a part of the
-- statement returns: it assumes one or a hundred, and might compare each row of one part with each row
-- of another. So parts are not joined: one part looks up the values of another in a JSON object. Tables
-- are not joined either: they are looked up row by row, with OFFSET 0.
WITH document AS MATERIALIZED (
    -- The setting holds for this statement only. Every part reads the document, so it is set first.
    SELECT %(batch)s::jsonb AS batch, set_config('lock_timeout', %(lock_timeout)s, true)
),
held AS MATERIALIZED (
    SELECT (
        SELECT coalesce(jsonb_object_agg(event, true), '{}')
        FROM public.fanout_hold_events(ARRAY(
            SELECT (event ->> 'event_id')::bigint
            FROM jsonb_array_elements(batch -> 'events') AS event
        )) AS event
    ) AS events, (
        SELECT coalesce(jsonb_object_agg(person, true), '{}')
        FROM public.fanout_hold_people(ARRAY(
            SELECT person::uuid FROM jsonb_array_elements_text(batch -> 'people') AS person
        )) AS person
    ) AS people, (
        SELECT coalesce(jsonb_object_agg(project, true), '{}')
        FROM public.fanout_hold_projects(ARRAY(
            SELECT project::uuid FROM jsonb_array_elements_text(batch -> 'projects') AS project
        )) AS project
    ) AS projects
    FROM document
),
-- People who were deleted and would have got a row. Usually there are none, and nothing is read.
gone AS MATERIALIZED (
    SELECT event_id, user_id, channel
    FROM document, LATERAL (
        SELECT 'in_app' AS channel, batch -> 'notifications' AS rows
        UNION ALL
        SELECT 'in_app', batch -> 'counts'
        UNION ALL
        SELECT 'email', batch -> 'emails'
    ) AS wanted,
    LATERAL jsonb_to_recordset(wanted.rows) AS recipient (event_id bigint, user_id uuid)
    WHERE (SELECT count(*) FROM held, jsonb_object_keys(people))
        < (SELECT jsonb_array_length(batch -> 'people') FROM document)
    AND NOT (SELECT people FROM held) ? user_id::text
),
fewer AS MATERIALIZED (
    SELECT jsonb_object_agg(event_id || channel, recipients) AS recipients
    FROM (
        SELECT event_id, channel, count(*) AS recipients FROM gone GROUP BY event_id, channel
    ) AS counted
),
event AS MATERIALIZED (
    SELECT event.*, origin.id IS NOT NULL AS known, origin.created_at
    FROM document, jsonb_to_recordset(document.batch -> 'events') AS event (
        event_id bigint, event_type text, status text, reason text,
        notifications int, emails int, skipped int, told uuid[], last boolean
    )
    LEFT JOIN LATERAL (
        SELECT id, created_at
        FROM public.domain_events
        WHERE id = event.event_id AND (SELECT events FROM held) ? event.event_id::text
        OFFSET 0
    ) AS origin ON true
),
admitted AS (
    INSERT INTO public.notification_processing AS ledger (
        event_id, event_type, processing_status, reason, notifications, emails, skipped,
        event_created_at, completed_at, processor_id, pipeline_version, told, paused_at
    )
    SELECT event_id, event_type, CASE WHEN last THEN status ELSE 'processing' END, reason,
           notifications - unheard.in_app, emails - unheard.email,
           skipped + unheard.in_app + unheard.email,
           created_at, CASE WHEN last AND status <> 'paused' THEN clock_timestamp() END,
           'fanout', %(version)s, told, CASE status WHEN 'paused' THEN clock_timestamp() END
    FROM event, LATERAL (
        SELECT coalesce((recipients ->> (event_id || 'in_app'))::int, 0) AS in_app,
               coalesce((recipients ->> (event_id || 'email'))::int, 0) AS email
        FROM fewer
    ) AS unheard
    WHERE known
    ORDER BY event_id
    ON CONFLICT (event_id) DO UPDATE SET
        event_type = excluded.event_type,
        processing_status = excluded.processing_status,
        reason = excluded.reason,
        -- Add the counts of the pages before this one, if there are any.
        notifications = excluded.notifications
            + CASE WHEN ledger.told IS NULL THEN 0 ELSE ledger.notifications END,
        emails = excluded.emails + CASE WHEN ledger.told IS NULL THEN 0 ELSE ledger.emails END,
        skipped = excluded.skipped + CASE WHEN ledger.told IS NULL THEN 0 ELSE ledger.skipped END,
        event_created_at = excluded.event_created_at,
        completed_at = excluded.completed_at,
        processor_id = excluded.processor_id,
        pipeline_version = excluded.pipeline_version,
        -- Too few recipients were left for another page: this outcome holds all of them.
        told = CASE
            WHEN excluded.told IS NULL AND ledger.told IS NOT NULL
            THEN ARRAY[ledger.told[2], ledger.told[2]]
            ELSE excluded.told
        END,
        -- A redelivered event keeps the time at which it was first paused.
        paused_at = CASE
            WHEN ledger.processing_status = 'paused' OR excluded.paused_at IS NULL
            THEN ledger.paused_at
            ELSE excluded.paused_at
        END,
        error_message = NULL
    WHERE ledger.processing_status <> 'completed'
    AND (excluded.told IS NULL OR excluded.told[1] IS NOT DISTINCT FROM ledger.told[2])
    RETURNING event_id, event_type, processing_status, event_created_at, told[1] AS after
),
-- For every event that is written now, by id: its type, its place in the order of creation times, the
-- last recipient of the pages before, and whether more pages follow.
written AS MATERIALIZED (
    SELECT coalesce(jsonb_object_agg(event_id, event_type), '{}') AS types,
           coalesce(jsonb_object_agg(event_id, place), '{}') AS places,
           coalesce(
               jsonb_object_agg(event_id, after) FILTER (WHERE after IS NOT NULL), '{}'
           ) AS befores,
           coalesce(
               jsonb_object_agg(event_id, true) FILTER (WHERE processing_status = 'processing'), '{}'
           ) AS unfinished
    FROM (
        SELECT event_id, event_type, processing_status, after,
               row_number() OVER (ORDER BY event_created_at, event_id) AS place
        FROM admitted
    ) AS ordered
),
notified AS (
    INSERT INTO public.notifications (event_id, user_id, kind, title, body, link_url, payload)
    SELECT event_id, user_id, kind, title, body, link_url, payload
    FROM document, jsonb_to_recordset(document.batch -> 'notifications') AS wanted (
        event_id bigint, user_id uuid, kind text, title text, body text, link_url text,
        payload jsonb
    )
    WHERE (SELECT types FROM written) ? event_id::text
    AND (SELECT people FROM held) ? user_id::text
    -- The application itself wrote a row without a kind: the person already has a notification.
    AND NOT EXISTS (
        SELECT FROM public.notifications AS earlier
        WHERE earlier.event_id = wanted.event_id
        AND earlier.user_id = wanted.user_id
        AND earlier.kind IS NULL
        OFFSET 0
    )
    ORDER BY event_id, user_id, kind
    ON CONFLICT (event_id, user_id, kind) DO NOTHING
    RETURNING id, event_id, user_id
),
wanted_count AS MATERIALIZED (
    SELECT wanted.*
    FROM document, jsonb_to_recordset(document.batch -> 'counts') AS wanted (
        event_id bigint, user_id uuid, thread_id uuid, thread_name text, label text,
        project_name text, link_url text
    )
    WHERE (SELECT types FROM written) ? event_id::text
    AND (SELECT people FROM held) ? user_id::text
    AND coalesce(user_id > ((SELECT befores FROM written) ->> event_id::text)::uuid, true)
    -- The application itself may have counted the event in a row that was read since.
    AND NOT EXISTS (
        SELECT FROM public.notifications AS earlier
        WHERE earlier.event_id = wanted.event_id
        AND earlier.user_id = wanted.user_id
        AND (earlier.kind IS NULL OR earlier.kind = 'thread_activity')
        OFFSET 0
    )
),
-- The sum of the messages of a batch for each counter row: a statement can update a row only once.
-- Names and links are the same in a batch, because its facts were loaded once.
tally AS (
    SELECT user_id, thread_id, count(*)::int AS messages,
           (array_agg(
               event_id ORDER BY ((SELECT places FROM written) ->> event_id::text)::int
           ))[1] AS first_event_id,
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
    DO UPDATE SET (title, body, payload, created_at) = (
        SELECT excluded.title,
               messages || ' new messages'
                   || substr(excluded.body, strpos(excluded.body, ' in **')),
               CASE jsonb_typeof(counter.payload) WHEN 'object' THEN counter.payload ELSE '{}' END
                   || excluded.payload || jsonb_build_object('count', messages),
               excluded.created_at
        FROM (
            -- The application can write anything there. An invalid count stands for one message.
            SELECT CASE
                WHEN counter.payload ->> 'count' ~ '^[0-9]{1,9}$'
                THEN (counter.payload ->> 'count')::int
                ELSE 1
            END + (excluded.payload ->> 'count')::int AS messages
        ) AS total
    )
    RETURNING id, event_id, user_id, counter_thread_id
),
-- For each person and thread: the event whose row counts all messages.
opened AS MATERIALIZED (
    SELECT coalesce(jsonb_object_agg(user_id || '/' || counter_thread_id, event_id), '{}') AS events
    FROM counted
),
mailed AS (
    INSERT INTO public.pending_emails (
        event_id, user_id, event_type, delivery_type, project_id, project_name, subject, body_data
    )
    SELECT event_id, user_id, (SELECT types FROM written) ->> event_id::text, delivery_type,
           CASE WHEN (SELECT projects FROM held) ? project_id::text THEN project_id END,
           project_name, subject, body_data
    FROM document, jsonb_to_recordset(document.batch -> 'emails') AS wanted (
        event_id bigint, user_id uuid, delivery_type text, project_id uuid, project_name text,
        subject text, body_data jsonb
    )
    WHERE (SELECT types FROM written) ? event_id::text
    AND (SELECT people FROM held) ? user_id::text
    ORDER BY event_id, user_id
    ON CONFLICT (event_id, user_id) DO NOTHING
    RETURNING id, event_id, user_id, event_type, delivery_type, created_at
),
-- mail: begin
delivered AS (
    INSERT INTO fanout.deliveries (
        id, cause, channel, recipient, kind, user_id, source, source_id, expires_at,
        deliver_at, next_attempt_at
    )
    SELECT fanout.delivery_id('domain_events:' || event_id, 'email', user_id::text),
           'domain_events:' || event_id, 'email', user_id::text, event_type, user_id,
           'pending_emails', id::text,
           created_at + (SELECT max_age FROM fanout.channels WHERE channel = 'email'),
           due.at, due.at
    FROM mailed, LATERAL (
        SELECT CASE WHEN (SELECT unfinished FROM written) ? event_id::text
            THEN 'infinity' ELSE now() END AS at
    ) AS due
    WHERE delivery_type = 'immediate'
    AND EXISTS (SELECT FROM fanout.channels WHERE channel = 'email')
    ORDER BY 1
    ON CONFLICT (id) DO NOTHING
),
-- mail: end
-- push: begin
-- For each person and thread: the row that counts all messages.
counter AS MATERIALIZED (
    SELECT coalesce(jsonb_object_agg(user_id || '/' || counter_thread_id, id), '{}') AS rows
    FROM counted
),
pushed AS (
    INSERT INTO fanout.deliveries (
        id, cause, channel, recipient, kind, user_id, source, source_id, expires_at,
        deliver_at, next_attempt_at, collapse_key
    )
    SELECT fanout.delivery_id('domain_events:' || event_id, 'bus', user_id::text),
           'domain_events:' || event_id, 'bus', user_id::text,
           (SELECT types FROM written) ->> event_id::text, user_id, 'notifications', told.id,
           now() + (SELECT max_age FROM fanout.channels WHERE channel = 'bus'),
           due.at, due.at, thread_id::text
    FROM (
        SELECT event_id, user_id, id::text, NULL::uuid AS thread_id FROM notified
        UNION ALL
        SELECT event_id, user_id, (SELECT rows FROM counter) ->> (user_id || '/' || thread_id),
               thread_id
        FROM wanted_count
    ) AS told, LATERAL (
        SELECT CASE WHEN (SELECT unfinished FROM written) ? event_id::text
            THEN 'infinity' ELSE now() END AS at
    ) AS due
    WHERE EXISTS (SELECT FROM fanout.channels WHERE channel = 'bus')
    ORDER BY 1
    ON CONFLICT (id) DO NOTHING
),
-- push: end
-- webhooks: begin
hooked AS (
    INSERT INTO fanout.deliveries (
        id, cause, channel, recipient, kind, source, source_id, expires_at
    )
    SELECT fanout.delivery_id('domain_events:' || event_id, 'webhook', endpoint_id::text),
           'domain_events:' || event_id, 'webhook', endpoint_id::text, event_type,
           'domain_events', event_id::text,
           now() + (SELECT max_age FROM fanout.channels WHERE channel = 'webhook')
    FROM admitted
    CROSS JOIN LATERAL (
        SELECT DISTINCT endpoint_id
        FROM fanout.webhook_subscriptions AS wanted
        WHERE wanted.event_type IN (admitted.event_type, '*')
        AND wanted.since <= admitted.event_created_at
        AND EXISTS (
            SELECT FROM fanout.webhook_endpoints
            WHERE id = wanted.endpoint_id AND disabled_at IS NULL
        )
        OFFSET 0
    ) AS endpoint
    WHERE processing_status IN ('completed', 'unrouted') AND event_type IS NOT NULL
    -- A replay of an old event tells no endpoint again whose delivery retention has deleted.
    AND event_created_at > now() - (SELECT max_age FROM fanout.channels WHERE channel = 'webhook')
    ORDER BY 1
    ON CONFLICT (id) DO NOTHING
),
-- webhooks: end
-- deliveries: begin
released AS (
    UPDATE fanout.deliveries SET deliver_at = now(), next_attempt_at = now()
    WHERE cause = ANY (ARRAY(
        SELECT 'domain_events:' || event_id FROM event
        WHERE last AND told IS NOT NULL AND (SELECT types FROM written) ? event_id::text
    ))
    AND channel IN ('email', 'bus') AND state = 'pending' AND next_attempt_at = 'infinity'
),
-- deliveries: end
skipped AS (
    INSERT INTO public.notification_decisions (event_id, user_id, channel, reason, preference_id)
    SELECT event_id, user_id, channel, reason, preference_id
    FROM document, jsonb_to_recordset(document.batch -> 'skips') AS wanted (
        event_id bigint, user_id uuid, channel text, reason text, preference_id uuid
    )
    WHERE (SELECT types FROM written) ? event_id::text
    UNION ALL
    SELECT event_id, user_id, channel, 'no_profile', NULL
    FROM gone
    WHERE (SELECT types FROM written) ? event_id::text
    UNION ALL
    -- A message without its own row is counted in the row of an earlier message.
    SELECT event_id, user_id, 'in_app', 'counted', NULL
    FROM wanted_count
    WHERE ((SELECT events FROM opened) ->> (user_id || '/' || thread_id))::bigint <> event_id
    ORDER BY event_id, user_id, channel
    ON CONFLICT (event_id, user_id, channel) DO NOTHING
),
-- An event that is completed now, usually by a replay, needs its dead letter no more.
resolved AS (
    UPDATE public.event_dead_letters AS letter
    SET resolved_at = now(), resolution = 'written'
    WHERE letter.id = ANY (ARRAY(
        SELECT closed.id
        FROM admitted
        CROSS JOIN LATERAL (
            SELECT id, resolved_at
            FROM public.event_dead_letters
            WHERE letter_key = 'event:' || admitted.event_id
            OFFSET 0
        ) AS closed
        -- Not in the subquery: there, Postgres would read the index of all open letters per event.
        WHERE admitted.processing_status = 'completed' AND closed.resolved_at IS NULL
    ))
)
SELECT event.event_id,
       CASE
           WHEN NOT event.known THEN 'missing'
           WHEN (SELECT types FROM written) ? event.event_id::text THEN 'written'
           ELSE 'completed'
       END,
       -- The time can be infinity. Such an event counts as 0 milliseconds.
       CASE
           WHEN isfinite(event.created_at)
           THEN round(extract(epoch FROM clock_timestamp() - event.created_at) * 1000)::bigint
           ELSE 0
       END
FROM event
