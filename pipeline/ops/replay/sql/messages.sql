-- These events as they stand in domain_events; where there is no row, what their dead letter kept.
SELECT asked.id, event.id IS NOT NULL, letter.data, letter.attributes, event.event_type,
       to_char(event.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       event.actor_id, event.project_id, event.resource_id, event.thread_id,
       event.meeting_id, event.payload::text
FROM unnest(%(ids)s::bigint[]) AS asked (id)
LEFT JOIN public.domain_events AS event ON event.id = asked.id
LEFT JOIN public.event_dead_letters AS letter
    ON letter.letter_key = 'event:' || asked.id AND letter.resolved_at IS NULL
WHERE event.id IS NOT NULL OR letter.id IS NOT NULL
ORDER BY asked.id
