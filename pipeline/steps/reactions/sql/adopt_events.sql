-- Make the ledger rows of events that are not processed and have none.
--
-- In: ids, of events that a message named; types, those that have a handler; in_order, the types
-- that are processed in the order of their aggregate; one_at_a_time, {type: key of its payload};
-- most, how many others are looked for, whose messages were lost; closes_unrouted, whether
-- those without a handler get processed. Out: how many rows were made for those without a handler.
-- Events without a sequence are older than the pipeline: see adopt_backlog.sql.
-- A table of an application may have events without a type: theirs is empty.
--
-- Nor is one up to the mark found: its row may be deleted, since it has ended.
WITH mark AS MATERIALIZED (
    SELECT last_sequence FROM fanout.reaction_marks
),
named AS (
    SELECT event.id, coalesce(event.event_type, '') AS event_type, event.sequence,
        event.aggregate_type, event.aggregate_id, event.payload
    FROM unnest(%(ids)s::uuid[]) AS named (id)
    JOIN reactions.events AS event ON event.id = named.id
    WHERE event.processed IS NOT TRUE AND event.sequence > (SELECT last_sequence FROM mark)
),
-- What is processed in order must know all that is before it.
latest AS MATERIALIZED (
    SELECT aggregate_type, aggregate_id, max(sequence) AS sequence
    FROM named
    WHERE event_type = ANY (%(in_order)s::text[]) AND aggregate_id IS NOT NULL
    GROUP BY aggregate_type, aggregate_id
),
found AS (
    SELECT * FROM named
    UNION ALL
    SELECT before.* FROM latest CROSS JOIN LATERAL (
        SELECT event.id, event.event_type, event.sequence, event.aggregate_type,
            event.aggregate_id, event.payload
        FROM reactions.events AS event
        WHERE event.processed IS NOT TRUE AND event.aggregate_id = latest.aggregate_id
            AND event.aggregate_type IS NOT DISTINCT FROM latest.aggregate_type
            AND event.event_type = ANY (%(in_order)s::text[])
            AND event.sequence < latest.sequence
            AND event.sequence > (SELECT last_sequence FROM mark)
            AND NOT EXISTS (
                SELECT FROM fanout.reactions AS ledger WHERE ledger.event_id = event.id
            )
        OFFSET 0
    ) AS before
    -- lost: begin
    UNION ALL
    (
        SELECT event.id, coalesce(event.event_type, ''), event.sequence, event.aggregate_type,
            event.aggregate_id, event.payload
        FROM reactions.events AS event
        WHERE event.processed IS NOT TRUE AND event.sequence > (SELECT last_sequence FROM mark)
            AND NOT EXISTS (
                SELECT FROM fanout.reactions AS ledger WHERE ledger.event_id = event.id
            )
        ORDER BY event.sequence
        LIMIT %(most)s
    )
    -- lost: end
),
made AS (
    INSERT INTO fanout.reactions (event_id, event_type, state, order_key, ordinal)
    SELECT
        id, event_type,
        CASE
            WHEN event_type = ANY (%(types)s::text[]) OR EXISTS (
                SELECT FROM fanout.reaction_routes AS route
                WHERE route.event_type = found.event_type AND found.payload @> route.condition
            ) THEN 'pending'
            ELSE 'unrouted'
        END,
        fanout.reaction_key(
            event_type, aggregate_type, aggregate_id, payload,
            event_type = ANY (%(in_order)s::text[]), %(one_at_a_time)s::jsonb ->> event_type
        ),
        CASE WHEN event_type = ANY (%(in_order)s::text[]) THEN sequence END
    FROM found
    ORDER BY sequence, id
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id, state
),
closed AS (
    UPDATE reactions.events AS event SET processed = true
    FROM made
    WHERE %(closes_unrouted)s AND made.state = 'unrouted' AND event.id = made.event_id
)
SELECT count(*) FROM made WHERE state = 'unrouted'
