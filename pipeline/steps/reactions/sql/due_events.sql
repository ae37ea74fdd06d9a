-- What a run would process now, without a lease. In: most.
-- Out: as a claim, with the events that are not in the ledger yet at the end.
SELECT * FROM (
    (
        SELECT sequence, attempts, failures, next_attempt_at AS due_at, event_id, event_type, depth
        FROM fanout.reactions AS record
        WHERE state IN ('pending', 'waiting', 'leased') AND next_attempt_at <= now()
            AND event_type NOT IN (SELECT name FROM fanout.switches)
        ORDER BY next_attempt_at, sequence
        LIMIT %(most)s
    )
    UNION ALL
    (
        SELECT event.sequence, 0, 0, now(), event.id, event.event_type, 0
        FROM reactions.events AS event
        WHERE event.processed IS NOT TRUE AND event.sequence IS NOT NULL
            AND event.event_type NOT IN (SELECT name FROM fanout.switches)
            AND NOT EXISTS (
                SELECT FROM fanout.reactions AS ledger WHERE ledger.event_id = event.id
            )
        ORDER BY event.sequence
        LIMIT %(most)s
    )
) AS due (sequence, attempts, failures, due_at, event_id, event_type, depth)
