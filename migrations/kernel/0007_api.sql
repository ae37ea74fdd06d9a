-- For the HTTP service: plans of replays, which are applied later, and answers to repeated requests.

-- A plan holds the events that it was made for, so that what is applied is what was shown. State, lease
-- and attempts are those of every record that is retried; here a person asks for each try. A plan that is
-- applied has the id of its record in fanout_replays.
CREATE TABLE fanout.replay_plans (
    id              uuid PRIMARY KEY,
    sequence        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    planned_at      timestamptz NOT NULL DEFAULT now(),
    planned_by      text NOT NULL,
    selector        jsonb NOT NULL,
    ignore_age      boolean NOT NULL,
    event_ids       bigint[] NOT NULL,
    planned         int NOT NULL CHECK (planned = cardinality(event_ids)),
    plan            jsonb NOT NULL,
    state           text NOT NULL DEFAULT 'pending' CHECK (state IN (
        'pending', 'leased', 'waiting', 'paused', 'done', 'dead', 'cancelled', 'expired')),
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    lease_token     uuid,
    attempts        int NOT NULL DEFAULT 0,
    failures        int NOT NULL DEFAULT 0,
    applied_by      text,
    rate            float8,
    note            text,
    published       int NOT NULL DEFAULT 0,
    started_at      timestamptz,
    finished_at     timestamptz,
    error_class     text,
    reason          text,
    CHECK ((state = 'leased') = (lease_token IS NOT NULL)),
    CHECK ((state IN ('done', 'dead', 'cancelled', 'expired')) = (finished_at IS NOT NULL))
);

COMMENT ON COLUMN fanout.replay_plans.planned_by IS
    'the name of a token, or the address of a person';
COMMENT ON COLUMN fanout.replay_plans.event_ids IS
    'in the order in which they are published; the first "published" of them are';
COMMENT ON COLUMN fanout.replay_plans.state IS
    'pending: not applied yet; leased: being applied, until next_attempt_at if nobody extends it;'
    ' waiting: stopped or failed, and may be applied again; done: all published';
COMMENT ON COLUMN fanout.replay_plans.reason IS
    'why it stopped or failed; never a value of an event';

CREATE INDEX replay_plans_planned_at_idx ON fanout.replay_plans (planned_at);

-- The answer to a request that named a key is given again to who repeats it.
CREATE TABLE fanout.idempotency_keys (
    caller     text NOT NULL,
    route      text NOT NULL,
    key        text NOT NULL,
    request    bytea NOT NULL CHECK (length(request) = 32),
    taken_at   timestamptz NOT NULL DEFAULT now(),
    held_until timestamptz NOT NULL,
    token      uuid NOT NULL,
    status     int,
    body       text,
    PRIMARY KEY (caller, route, key)
);

COMMENT ON COLUMN fanout.idempotency_keys.request IS
    'SHA-256 of the path and the body';
COMMENT ON COLUMN fanout.idempotency_keys.held_until IS
    'while status is NULL, nobody else does the request until then';

CREATE INDEX idempotency_keys_taken_at_idx ON fanout.idempotency_keys (taken_at);

GRANT SELECT, DELETE, INSERT (id, planned_by, selector, ignore_age, event_ids, planned, plan),
    UPDATE (
        state, next_attempt_at, lease_token, attempts, failures, applied_by, rate, note, published,
        started_at, finished_at, error_class, reason
    )
    ON fanout.replay_plans TO fanout_operator;
GRANT SELECT, DELETE, INSERT (caller, route, key, request, held_until, token),
    UPDATE (request, taken_at, held_until, token, status, body)
    ON fanout.idempotency_keys TO fanout_operator;
GRANT SELECT ON fanout.replay_plans TO fanout_viewer;
-- Applying a plan is a try like any other.
GRANT INSERT ON fanout.attempts TO fanout_operator;
