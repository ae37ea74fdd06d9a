-- Make the ledger rows of events from before the pipeline, a page at a time, once.
--
-- In: as adopt_events.sql; most, how many events are in a page. Out: whether all have been
-- found, and how many this page had. Workers take turns, so that one that is killed holds up nobody.
-- Their order is that of their times, and they are before all that have a sequence.
-- A table of an application may have events without a type: theirs is empty.
WITH mark AS (
    SELECT reached FROM fanout.reaction_backlog
    WHERE finished_at IS NULL
    FOR UPDATE
),
page AS MATERIALIZED (
    SELECT event.id, event.event_type, event.aggregate_type, event.aggregate_id, event.payload,
        CASE
            WHEN isfinite(event.created_at) THEN greatest(event.created_at, '0001-01-01')
            ELSE '0001-01-01'
        END AS at
    FROM mark
    CROSS JOIN LATERAL (
        SELECT id, coalesce(event_type, '') AS event_type, aggregate_type, aggregate_id, payload,
            created_at
        FROM reactions.events
        WHERE processed IS NOT TRUE AND sequence IS NULL AND id > mark.reached
        ORDER BY id
        LIMIT %(most)s
    ) AS event
),
made AS (
    INSERT INTO fanout.reactions (
        event_id, event_type, state, next_attempt_at, order_key, ordinal
    )
    SELECT
        id, event_type,
        CASE
            WHEN event_type = ANY (%(types)s::text[]) OR EXISTS (
                SELECT FROM fanout.reaction_routes AS route
                WHERE route.event_type = page.event_type AND page.payload @> route.condition
            ) THEN 'pending'
            ELSE 'unrouted'
        END,
        least(at, now()),
        fanout.reaction_key(
            event_type, aggregate_type, aggregate_id, payload,
            event_type = ANY (%(in_order)s::text[]), %(one_at_a_time)s::jsonb ->> event_type
        ),
        CASE
            WHEN event_type = ANY (%(in_order)s::text[])
                THEN (extract(epoch FROM at) * 1000000)::bigint - 4611686018427387904
        END
    FROM page
    ORDER BY at, id
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id, state
),
closed AS (
    UPDATE reactions.events AS event SET processed = true
    FROM made
    WHERE %(closes_unrouted)s AND made.state = 'unrouted' AND event.id = made.event_id
),
moved AS (
    UPDATE fanout.reaction_backlog AS backlog SET
        reached = coalesce((SELECT id FROM page ORDER BY id DESC LIMIT 1), backlog.reached),
        finished_at = CASE WHEN (SELECT count(*) FROM page) < %(most)s THEN now() END
    FROM mark
    RETURNING finished_at IS NOT NULL AS is_finished
)
SELECT
    coalesce(
        (SELECT is_finished FROM moved),
        (SELECT finished_at IS NOT NULL FROM fanout.reaction_backlog)
    ),
    (SELECT count(*) FROM page)
