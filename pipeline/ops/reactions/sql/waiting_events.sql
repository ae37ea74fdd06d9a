-- The events that could be processed now, the first ones first. In: most, looked_at. Out: ids.
--
-- Of those without a row in the ledger, only the newest are looked at: events without a handler
-- stay in this index for ever, and the graph finds the older ones by itself.
WITH newest AS MATERIALIZED (
    SELECT event.id, event.sequence
    FROM reactions.events AS event
    WHERE event.processed IS NOT TRUE
        AND event.sequence > (SELECT last_sequence FROM fanout.reaction_marks)
    ORDER BY event.sequence DESC
    LIMIT %(looked_at)s
),
due AS MATERIALIZED (
    SELECT ledger.event_id AS id, ledger.sequence
    FROM fanout.reactions AS ledger
    WHERE ledger.state IN ('pending', 'waiting', 'leased') AND ledger.next_attempt_at <= now()
    ORDER BY ledger.next_attempt_at, ledger.sequence
    LIMIT %(most)s
)
SELECT id
FROM (
    SELECT id, 0 AS part, sequence FROM due
    UNION ALL
    SELECT id, 1, sequence
    FROM newest
    WHERE NOT EXISTS (SELECT FROM fanout.reactions AS ledger WHERE ledger.event_id = newest.id)
) AS waiting
ORDER BY part, sequence
LIMIT %(most)s
