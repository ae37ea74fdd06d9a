-- What operators see of events of reactions: dead letters in the original's shape, what came of an event,
-- and which replay asked for it.

ALTER TABLE fanout.reactions
    ADD COLUMN effects jsonb,
    ADD COLUMN cause uuid,
    ADD COLUMN replayed_at timestamptz,
    ADD COLUMN replay_id uuid;

COMMENT ON COLUMN fanout.reactions.effects IS
    'what the event led to: [kind, id] of each effect, in the order of the handler';
COMMENT ON COLUMN fanout.reactions.cause IS
    'the event that this one follows; NULL if an application wrote it';
COMMENT ON COLUMN fanout.reactions.attempts IS
    'all tries, also those before a replay';
COMMENT ON COLUMN fanout.reactions.failures IS
    'tries that failed since the event was written or replayed';
COMMENT ON COLUMN fanout.reactions.replay_id IS
    'of the last replay, in fanout_replays: who asked for it, and why';

GRANT INSERT (cause), UPDATE (effects) ON fanout.reactions TO fanout_reactions;

-- A function, since the view must be made again after reactions.events was replaced. It shows what its
-- owner may see, so that a role may read the view without the payload of events.
CREATE FUNCTION reactions.make_event_dead_letters() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE oid = to_regclass('reactions.event_dead_letters') AND relkind <> 'v'
    ) THEN
        RAISE NOTICE 'reactions.event_dead_letters is a table, which stays as it is';
        RETURN;
    END IF;
    CREATE OR REPLACE VIEW reactions.event_dead_letters AS
    SELECT
        md5('dead letter of ' || ledger.event_id)::uuid AS id,
        ledger.event_id,
        ledger.event_type,
        event.payload::jsonb AS payload,
        CASE ledger.state
            WHEN 'unrouted' THEN coalesce(ledger.reason, 'no handler for this event type')
            ELSE coalesce(letter.message, ledger.reason, ledger.error_class)
        END AS error_message,
        ledger.failures AS retry_count,
        coalesce(event.created_at, ledger.created_at) AS original_created_at,
        coalesce(ledger.finished_at, ledger.created_at) AS created_at,
        event.metadata::jsonb AS metadata,
        event.aggregate_type::text AS aggregate_type,
        event.aggregate_id::uuid AS aggregate_id,
        ledger.state,
        letter.id AS letter_id
    FROM fanout.reactions AS ledger
    LEFT JOIN reactions.events AS event ON event.id = ledger.event_id
    LEFT JOIN public.event_dead_letters AS letter
        ON letter.letter_key = 'events:' || ledger.event_id
    WHERE ledger.state IN ('dead', 'unrouted') AND letter.resolved_at IS NULL;
    COMMENT ON VIEW reactions.event_dead_letters IS
        'events that are dead, unless a person resolved their dead letter, and those without a handler';
    GRANT SELECT ON reactions.event_dead_letters TO fanout_operator;
    GRANT SELECT (
        id, event_id, event_type, error_message, retry_count, original_created_at, created_at,
        aggregate_type, aggregate_id, state, letter_id
    ) ON reactions.event_dead_letters TO fanout_viewer;
END
$$;
REVOKE ALL ON FUNCTION reactions.make_event_dead_letters() FROM PUBLIC;
SELECT reactions.make_event_dead_letters();

GRANT SELECT ON fanout.attempts TO fanout_viewer;
GRANT USAGE ON SCHEMA reactions TO fanout_viewer;
GRANT SELECT ON reactions.events TO fanout_operator;
GRANT SELECT (
    id, event_type, aggregate_id, aggregate_type, processed, created_at, created_by
) ON reactions.events TO fanout_viewer;
GRANT SELECT (id, task_type, agent_type, user_id, scheduled_for, priority, status)
    ON reactions.agent_tasks TO fanout_operator, fanout_viewer;
GRANT SELECT (id, user_id, template, scheduled_for, priority, status)
    ON reactions.message_queue TO fanout_operator, fanout_viewer;
GRANT SELECT (id, user_id, item_type, score, expires_at, status)
    ON reactions.inbox_items TO fanout_operator, fanout_viewer;
GRANT SELECT (id, user_id, amount, reason) ON reactions.credit_events TO fanout_operator, fanout_viewer;
GRANT SELECT (id, action, agent_type, user_id)
    ON reactions.agent_actions_log TO fanout_operator, fanout_viewer;
GRANT SELECT (id, status, expires_at) ON reactions.community_requests TO fanout_operator, fanout_viewer;

-- For what ended within the last hour.
CREATE INDEX reactions_finished_at_idx ON fanout.reactions (finished_at) WHERE finished_at IS NOT NULL;
