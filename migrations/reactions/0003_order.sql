-- Reactions: events that wait for each other, because their handlers ask for it.

ALTER TABLE fanout.reactions
    ADD COLUMN order_key bigint,
    ADD COLUMN ordinal   bigint;

-- At most one event with a key is leased.
CREATE UNIQUE INDEX reactions_one_leased_key ON fanout.reactions (order_key)
    WHERE state = 'leased' AND order_key IS NOT NULL;
-- The first one of a key: in the order of its events, or in that in which they are due.
CREATE INDEX reactions_order_idx ON fanout.reactions (order_key, ordinal, sequence)
    WHERE state IN ('pending', 'waiting', 'paused') AND order_key IS NOT NULL;
CREATE INDEX reactions_due_of_key_idx ON fanout.reactions (order_key, next_attempt_at, sequence)
    WHERE state IN ('pending', 'waiting') AND order_key IS NOT NULL;

COMMENT ON COLUMN fanout.reactions.order_key IS
    'events with one key are processed one at a time; NULL: this event waits for no other';
COMMENT ON COLUMN fanout.reactions.ordinal IS
    'of events that are processed in order: the one with the smallest is the first of its key';

-- The earlier events of an aggregate that are not in the ledger yet.
CREATE INDEX IF NOT EXISTS events_of_aggregate_not_processed_idx
    ON reactions.events (aggregate_id, sequence)
    WHERE processed IS NOT TRUE AND aggregate_id IS NOT NULL;

-- A hash: a value may be long. Two values with one hash only wait for each other.
-- White space is left out, since the decoder puts a text on one line.
CREATE FUNCTION fanout.reaction_key(
    event_type text, aggregate_type text, aggregate_id uuid, payload jsonb,
    in_order boolean, one_at_a_time text
) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN in_order THEN hashtextextended(
        'aggregate ' || coalesce(aggregate_type, '') || ' ' || aggregate_id::text, 0
    )
    WHEN one_at_a_time IS NOT NULL THEN hashtextextended(
        'value ' || event_type || ' '
            || coalesce(regexp_replace(payload ->> one_at_a_time, '\s', '', 'g'), ''),
        0
    )
END;
REVOKE ALL ON FUNCTION
    fanout.reaction_key(text, text, uuid, jsonb, boolean, text) FROM PUBLIC;
COMMENT ON FUNCTION fanout.reaction_key(text, text, uuid, jsonb, boolean, text) IS
    'the order_key of an event. in_order: by its aggregate; one_at_a_time: by this key of its payload';

GRANT EXECUTE ON FUNCTION
    fanout.reaction_key(text, text, uuid, jsonb, boolean, text) TO fanout_reactions;
GRANT INSERT (order_key, ordinal) ON fanout.reactions TO fanout_reactions;
