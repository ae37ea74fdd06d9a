-- Empties the dead letters that hold something of a person: one page, by id. In and out as
-- forget_decisions.sql says.
--
-- The letter stays, with its cause and its counts. What goes is the message that it kept, if that names
-- the person or its event does, and the person's id in the reason, where no value should be anyway. What is
-- between "fanout: begin" and "fanout: end" is left out where there are no events.
WITH person AS MATERIALIZED (
    SELECT %(user)s::uuid AS id, %(user)s::uuid::text AS name
),
page AS MATERIALIZED (
    SELECT letter.id,
           position(person.name IN lower(coalesce(encode(letter.data, 'escape'), ''))) > 0
           OR position(person.name IN lower(coalesce(letter.attributes::text, ''))) > 0
           -- fanout: begin
           OR (letter.data IS NOT NULL OR letter.attributes IS NOT NULL) AND EXISTS (
               SELECT FROM public.domain_events AS event
               WHERE event.id = letter.event_id
               AND (
                   event.actor_id = person.id
                   OR position(person.name IN lower(event.payload::text)) > 0
               )
               OFFSET 0
           )
           -- fanout: end
           AS holds,
           position(person.name IN lower(letter.message)) > 0 AS says
    FROM public.event_dead_letters AS letter
    CROSS JOIN person
    WHERE letter.id > coalesce(%(after)s::text::bigint, 0)
    ORDER BY letter.id
    LIMIT %(most)s::int
),
emptied AS (
    UPDATE public.event_dead_letters AS letter
    SET data = CASE WHEN page.holds THEN NULL ELSE letter.data END,
        attributes = CASE WHEN page.holds THEN NULL ELSE letter.attributes END,
        message = regexp_replace(letter.message, person.name, '(erased)', 'gi')
    FROM page, person
    WHERE NOT %(dry_run)s::boolean
    AND letter.id = page.id
    AND (page.holds OR page.says)
    RETURNING true
)
SELECT CASE WHEN %(dry_run)s::boolean
           THEN (SELECT count(*) FROM page WHERE holds OR says)
           ELSE (SELECT count(*) FROM emptied)
       END,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (SELECT max(id)::text FROM page) END
