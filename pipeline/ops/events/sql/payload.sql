-- The first characters of an event's payload, and the length of all of it. In: event, most.
SELECT left(event.payload, %(most)s) AS payload, length(event.payload) AS payload_characters
FROM (SELECT payload::text FROM public.domain_events WHERE id = %(event)s) AS event
