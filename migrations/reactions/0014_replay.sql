-- The one way to run events again. Effects have the same ids as before, so none is doubled. An event that
-- waits for its time is left: a replay never runs one before it.

-- In: the replay, whose record says who asks and why; the events; in_order, the types that are processed in
-- the order of their aggregate; one_at_a_time, {type: key of its payload}. Out: how many are pending again.
--
-- Each gets its place in the order that its handler asks for: one that had no handler when it was found has
-- none, and the handler may have come since. A type that is in neither keeps the order that its events have.
-- As in adopt_backlog.sql, an event without a sequence is before all that have one.
CREATE FUNCTION fanout.replay_reactions(
    replay uuid, ids uuid[], in_order text[], one_at_a_time jsonb
) RETURNS int
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
DECLARE
    again uuid[];
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.fanout_replays WHERE id = replay AND finished_at IS NULL
    ) THEN
        RAISE EXCEPTION 'invalid replay %: expected the id of a row of fanout_replays that has not ended',
            replay;
    END IF;
    WITH chosen AS MATERIALIZED (
        SELECT event_id, event_type
        FROM fanout.reactions
        WHERE event_id = ANY (ids)
            AND (state IN ('dead', 'unrouted') OR state = 'waiting' AND failures > 0)
        ORDER BY event_id
        FOR UPDATE
    ),
    place AS MATERIALIZED (
        SELECT
            chosen.event_id,
            fanout.reaction_key(
                chosen.event_type, event.aggregate_type, event.aggregate_id, event.payload,
                chosen.event_type = ANY (in_order), one_at_a_time ->> chosen.event_type
            ) AS order_key,
            CASE WHEN chosen.event_type = ANY (in_order) THEN coalesce(
                event.sequence,
                (
                    extract(epoch FROM CASE
                        WHEN isfinite(event.created_at)
                            THEN greatest(event.created_at, '0001-01-01')
                        ELSE '0001-01-01'
                    END) * 1000000
                )::bigint - 4611686018427387904
            ) END AS ordinal
        FROM chosen
        JOIN reactions.events AS event ON event.id = chosen.event_id
        WHERE chosen.event_type = ANY (in_order) OR one_at_a_time ? chosen.event_type
    ),
    reset AS (
        UPDATE fanout.reactions AS ledger SET
            state = 'pending',
            next_attempt_at = now(),
            failures = 0,
            finished_at = NULL,
            error_class = NULL,
            reason = NULL,
            replayed_at = now(),
            replay_id = replay,
            order_key = CASE
                WHEN place.event_id IS NULL THEN ledger.order_key ELSE place.order_key
            END,
            ordinal = CASE WHEN place.event_id IS NULL THEN ledger.ordinal ELSE place.ordinal END
        FROM chosen
        LEFT JOIN place ON place.event_id = chosen.event_id
        WHERE ledger.event_id = chosen.event_id
        RETURNING ledger.event_id
    )
    SELECT coalesce(array_agg(event_id), '{}') INTO again FROM reset;
    UPDATE reactions.events SET processed = false WHERE id = ANY (again) AND processed;
    RETURN cardinality(again);
END
$$;
REVOKE ALL ON FUNCTION fanout.replay_reactions(uuid, uuid[], text[], jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fanout.replay_reactions(uuid, uuid[], text[], jsonb) TO fanout_operator;
