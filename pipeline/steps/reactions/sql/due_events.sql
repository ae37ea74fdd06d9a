-- What a run would process now, without a lease: a page. In: after: the cursor of the last row of the
-- page before, or NULL; most. Out: as a claim; the events that are not in the ledger yet come last.
WITH place AS MATERIALIZED (
    -- The part, and where it goes on: the ledger by time and sequence, then new events by sequence.
    SELECT
        coalesce((%(after)s::jsonb ->> 0)::int, 0) AS part,
        coalesce((%(after)s::jsonb ->> 1)::timestamptz, '-infinity') AS due_at,
        coalesce((%(after)s::jsonb ->> 2)::bigint, -1) AS sequence
)
SELECT sequence, attempts, failures, due_at, event_id, event_type, depth, losses,
    jsonb_build_array(part, due_at, sequence)::text AS cursor
FROM (
    (
        SELECT 0, sequence, attempts, failures, next_attempt_at, event_id, event_type, depth,
            losses + (state = 'leased')::int
        FROM fanout.reactions AS record
        WHERE state IN ('pending', 'waiting', 'leased') AND next_attempt_at <= now()
            AND event_type NOT IN (SELECT name FROM fanout.switches)
            AND (SELECT part FROM place) = 0
            AND (next_attempt_at, sequence) > (
                (SELECT due_at FROM place), (SELECT sequence FROM place)
            )
        ORDER BY next_attempt_at, sequence
        LIMIT %(most)s
    )
    UNION ALL
    (
        SELECT 1, event.sequence, 0, 0, now(), event.id, coalesce(event.event_type, ''), 0, 0
        FROM reactions.events AS event
        WHERE event.processed IS NOT TRUE AND event.sequence IS NOT NULL
            AND coalesce(event.event_type, '') NOT IN (SELECT name FROM fanout.switches)
            AND NOT EXISTS (
                SELECT FROM fanout.reactions AS ledger WHERE ledger.event_id = event.id
            )
            AND event.sequence > (SELECT CASE part WHEN 1 THEN sequence ELSE -1 END FROM place)
        ORDER BY event.sequence
        LIMIT %(most)s
    )
) AS due (part, sequence, attempts, failures, due_at, event_id, event_type, depth, losses)
ORDER BY part, CASE part WHEN 0 THEN due_at END, sequence
LIMIT %(most)s
