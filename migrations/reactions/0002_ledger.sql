-- The ledger of reactions, and the role that processes events.

-- As in kernel/0001: roles belong to the cluster.
DO $$
BEGIN
    IF to_regrole('fanout_reactions') IS NULL THEN
        CREATE ROLE fanout_reactions NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION '% may not create the role fanout_reactions', current_user
        USING HINT = 'have an administrator run CREATE ROLE fanout_reactions NOLOGIN; then run migrate again';
END
$$;

CREATE TABLE fanout.reactions (
    event_id        uuid PRIMARY KEY,
    sequence        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    event_type      text NOT NULL,
    depth           smallint NOT NULL DEFAULT 0,
    state           text NOT NULL CHECK (state IN (
        'pending', 'leased', 'waiting', 'paused', 'done', 'dead', 'unrouted')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    lease_token     uuid,
    attempts        int NOT NULL DEFAULT 0,
    failures        int NOT NULL DEFAULT 0,
    started_at      timestamptz,
    finished_at     timestamptz,
    error_class     text,
    reason          text,
    CHECK ((state = 'leased') = (lease_token IS NOT NULL))
);
CREATE INDEX reactions_due_idx ON fanout.reactions (next_attempt_at, sequence)
    WHERE state IN ('pending', 'waiting', 'leased');
CREATE INDEX reactions_not_done_idx ON fanout.reactions (state, sequence)
    WHERE state IN ('paused', 'dead', 'unrouted');

COMMENT ON TABLE fanout.reactions IS
    'one row for each event of reactions.events that was found: what has become of it';
COMMENT ON COLUMN fanout.reactions.depth IS
    'how many events are before it in a chain of events that cause each other';
COMMENT ON COLUMN fanout.reactions.state IS
    'unrouted: no handler knows its type; dead: see error_class and reason';

GRANT USAGE ON SCHEMA public, fanout, reactions TO fanout_reactions;
GRANT SELECT, INSERT (event_id, event_type, depth, state), UPDATE (
    state, next_attempt_at, lease_token, attempts, failures, started_at, finished_at,
    error_class, reason
) ON fanout.reactions TO fanout_reactions;
GRANT INSERT ON fanout.attempts TO fanout_reactions;
GRANT SELECT ON fanout.switches, public.fanout_migrations TO fanout_reactions;
CREATE POLICY fanout_reactions ON public.fanout_migrations TO fanout_reactions
    USING (true) WITH CHECK (true);
GRANT SELECT, INSERT (graph, started_at, version, host),
    UPDATE (started_at, last_seen_at, version, host)
    ON fanout.graphs TO fanout_reactions;

GRANT SELECT (
    id, event_type, created_at, aggregate_type, aggregate_id, payload, metadata, processed,
    version, sequence
),
    UPDATE (processed),
    INSERT (id, event_type, aggregate_id, aggregate_type, payload, metadata, created_by)
    ON reactions.events TO fanout_reactions;
GRANT SELECT, UPDATE (last_active_at) ON reactions.users TO fanout_reactions;
GRANT SELECT, UPDATE (
    last_message_at, last_intent, intent_confidence, intent_context, intent_classified_at
) ON reactions.conversations TO fanout_reactions;
GRANT SELECT (id, status), UPDATE (status, completed_at)
    ON reactions.solution_workflows, reactions.intro_opportunities TO fanout_reactions;
GRANT SELECT (
    id, requesting_user_id, context_type, context_id, category, expertise_needed, status,
    created_at, expires_at
), INSERT (
    id, event_id, requesting_user_id, requesting_agent_type, context_type, context_id,
    question, category, expertise_needed, desired_outcome, urgency, target_user_ids,
    details, created_at, expires_at
) ON reactions.community_requests TO fanout_reactions;
-- To insert a row once, the key must be readable; nothing else of it is.
GRANT SELECT (id), INSERT (
    id, event_id, task_type, agent_type, user_id, context_type, context_id, scheduled_for,
    priority, context_json
) ON reactions.agent_tasks TO fanout_reactions;
GRANT SELECT (id), INSERT (
    id, event_id, user_id, template, context_json, scheduled_for, priority, can_delay,
    conversation_context_id
) ON reactions.message_queue TO fanout_reactions;
GRANT SELECT (id), INSERT (id, event_id, action, agent_type, user_id, data)
    ON reactions.agent_actions_log TO fanout_reactions;
GRANT INSERT (id, event_id, user_id, amount, reason, idempotency_key)
    ON reactions.credit_events TO fanout_reactions;
GRANT SELECT (user_id, item_type, item_id, status),
    INSERT (id, event_id, user_id, item_type, item_id, status, score, expires_at, content),
    UPDATE (status)
    ON reactions.inbox_items TO fanout_reactions;

GRANT USAGE ON SCHEMA reactions TO fanout_operator;
GRANT SELECT ON fanout.reactions TO fanout_operator, fanout_viewer;
