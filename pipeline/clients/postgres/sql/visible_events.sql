-- Which of these events are visible. In: ids.
SELECT event.id
FROM unnest(%(ids)s::bigint[]) AS asked (id)
JOIN public.domain_events AS event ON event.id = asked.id
