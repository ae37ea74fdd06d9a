-- Make the ledger rows of events that are not processed and have none.
--
-- In: ids, of events that a message named; types, those that have a handler; most, how many others
-- are looked for, or 0: their messages were lost. Out: how many rows were made.
WITH found AS (
    SELECT event.id, event.event_type, event.sequence
    FROM unnest(%(ids)s::uuid[]) AS named (id)
    JOIN reactions.events AS event ON event.id = named.id
    WHERE event.processed IS NOT TRUE
    UNION
    (
        SELECT event.id, event.event_type, event.sequence
        FROM reactions.events AS event
        WHERE event.processed IS NOT TRUE
            AND NOT EXISTS (
                SELECT FROM fanout.reactions AS ledger WHERE ledger.event_id = event.id
            )
        ORDER BY event.sequence
        LIMIT %(most)s
    )
),
made AS (
    INSERT INTO fanout.reactions (event_id, event_type, state)
    SELECT
        id, event_type,
        CASE WHEN event_type = ANY (%(types)s::text[]) THEN 'pending' ELSE 'unrouted' END
    FROM found
    ORDER BY sequence, id
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id
)
SELECT count(*) FROM made
