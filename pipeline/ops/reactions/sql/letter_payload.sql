-- As letter_state.sql, with the first characters of the payload in the event's row. In: reaction, most.
SELECT (SELECT state FROM fanout.reactions WHERE event_id = asked.id) AS event_state,
       left(event.payload, %(most)s) AS payload,
       length(event.payload) AS payload_characters
FROM (VALUES (%(reaction)s::uuid)) AS asked (id)
LEFT JOIN LATERAL (
    SELECT payload::text FROM reactions.events WHERE id = asked.id
) AS event ON true
