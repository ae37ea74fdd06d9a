-- The rows of these events.
--
-- In: ids; used, the payload keys that the handler of each type reads: {type: [key]}; the maximum
-- characters of a type and of a text, and the maximum bytes of the used payload.
-- Out: id, whether the row is visible, whether it is completed in the ledger, and the columns. Only the
-- used keys of the payload leave the server, and only if they are small enough: the rest can have any
-- size. A time is in microseconds, since Python has no value for infinity. An event whose ledger row
-- retention has deleted counts as completed: see migrations/0025_retention_marks.sql.
-- paused_at, the time since which an event waits behind a switch, is returned until the event is final,
-- also while it is processed in pages.
SELECT asked.id, event.id IS NOT NULL,
       coalesce(ledger.processing_status = 'completed', event.is_past, false),
       event.event_type, event.created_at,
       event.actor_id, event.project_id, event.resource_id, event.thread_id, event.meeting_id,
       event.kind, coalesce(used.bytes, 0),
       CASE WHEN used.bytes <= %(most_bytes)s THEN used.payload END,
       exempted.event_id IS NOT NULL,
       CASE WHEN ledger.processing_status IN ('paused', 'processing') AND isfinite(ledger.paused_at)
           THEN (extract(epoch FROM ledger.paused_at) * 1000000)::bigint
       END
FROM unnest(%(ids)s::bigint[]) AS asked (id)
LEFT JOIN public.notification_processing AS ledger
    ON ledger.event_id = asked.id
LEFT JOIN fanout.age_exemptions AS exempted ON exempted.event_id = asked.id
LEFT JOIN LATERAL (
    SELECT origin.id,
           left(origin.event_type::text, %(most_of_type)s) AS event_type,
           -- Later times do not fit into microseconds since 1970, and Python has no such year.
           CASE WHEN isfinite(origin.created_at) AND origin.created_at < '10000-01-01 00:00:00+00'
               THEN (extract(epoch FROM origin.created_at) * 1000000)::bigint
           END AS created_at,
           origin.actor_id, origin.project_id, origin.resource_id, origin.thread_id,
           origin.meeting_id,
           wanted.payload, jsonb_typeof(wanted.payload) AS kind, wanted.keys,
           origin.id <= (SELECT max(last_event_id) FROM fanout.retention_marks)
           AND origin.created_at < (
               SELECT created_before
               FROM fanout.retention_marks
               WHERE last_event_id >= origin.id
               ORDER BY last_event_id
               LIMIT 1
           ) AS is_past
    FROM public.domain_events AS origin
    CROSS JOIN LATERAL (
        SELECT %(used)s::jsonb -> origin.event_type::text AS keys,
               CASE WHEN ledger.processing_status IS DISTINCT FROM 'completed' AND %(used)s::jsonb ? origin.event_type::text
                   THEN to_jsonb(origin.payload)
               END AS payload
    ) AS wanted
    WHERE origin.id = asked.id
) AS event ON true
LEFT JOIN LATERAL (
    SELECT octet_length(object.payload) AS bytes, object.payload
    FROM (
        SELECT coalesce(jsonb_object_agg(
                   member.key,
                   CASE WHEN jsonb_typeof(member.value) = 'string'
                            AND pg_column_size(member.value) > %(most_of_text)s
                       THEN to_jsonb(left(member.value #>> '{}', %(most_of_text)s))
                       ELSE member.value
                   END
               ), '{}')::text AS payload
        FROM jsonb_each(CASE event.kind WHEN 'object' THEN event.payload END) AS member
        WHERE event.keys ? member.key
    ) AS object
) AS used ON event.kind = 'object'
