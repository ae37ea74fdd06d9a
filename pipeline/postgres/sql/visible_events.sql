-- Which of these events can be seen. In: [id].
SELECT event.id
FROM jsonb_array_elements_text(%(asked)s) AS asked (id)
JOIN public.domain_events AS event ON event.id = asked.id::bigint
