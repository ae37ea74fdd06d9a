-- The function of 0010 again, for events that wait for their time: a replay never runs one before it.

CREATE OR REPLACE FUNCTION fanout.replay_reactions(replay uuid, ids uuid[]) RETURNS int
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
        SELECT event_id
        FROM fanout.reactions
        WHERE event_id = ANY (ids)
            AND (state IN ('dead', 'unrouted') OR state = 'waiting' AND failures > 0)
        ORDER BY event_id
        FOR UPDATE
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
            replay_id = replay
        FROM chosen
        WHERE ledger.event_id = chosen.event_id
        RETURNING ledger.event_id
    )
    SELECT coalesce(array_agg(event_id), '{}') INTO again FROM reset;
    UPDATE reactions.events SET processed = false WHERE id = ANY (again) AND processed;
    RETURN cardinality(again);
END
$$;
