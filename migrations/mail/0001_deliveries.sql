-- Deliveries: one row for each cause, channel and recipient, and what is needed to send each once.
--
-- No table of an application is needed. Mail and push both use these tables.

-- As in kernel/0001: roles belong to the cluster.
DO $$
BEGIN
    IF to_regrole('fanout_sender') IS NULL THEN
        CREATE ROLE fanout_sender NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION '% may not create the role fanout_sender', current_user
        USING HINT =
            'have an administrator run CREATE ROLE fanout_sender NOLOGIN; then run migrate again';
END
$$;

-- The id of a delivery, from what causes it: the same for everyone who computes it. It is a UUID of
-- version 8 made from SHA-256, as RFC 9562 shows in B.2, since Postgres itself has no SHA-1 for a
-- version 5. pipeline/domain/delivery.py computes it in the same way.
CREATE FUNCTION fanout.delivery_id(cause text, channel text, recipient text) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT encode(set_byte(set_byte(
        named.hash, 6, get_byte(named.hash, 6) & 15 | 128), 8, get_byte(named.hash, 8) & 63 | 128
    ), 'hex')::uuid
    FROM (
        SELECT substr(sha256(convert_to(
            'fanout.delivery' || chr(10) || channel || chr(10) || recipient || chr(10) || cause, 'UTF8'
        )), 1, 16) AS hash
        OFFSET 0
    ) AS named
$$;
REVOKE ALL ON FUNCTION fanout.delivery_id(text, text, text) FROM PUBLIC;

CREATE TABLE fanout.deliveries (
    id              uuid PRIMARY KEY,
    sequence        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    cause           text NOT NULL,
    channel         text NOT NULL CHECK (channel IN ('email', 'bus', 'fcm', 'webhook')),
    recipient       text NOT NULL CHECK (strpos(recipient, chr(10)) = 0),
    kind            text NOT NULL,
    user_id         uuid,
    source          text,
    source_id       text,
    priority        smallint NOT NULL DEFAULT 2 CHECK (priority BETWEEN 0 AND 3),
    created_at      timestamptz NOT NULL DEFAULT now(),
    deliver_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz,
    ages_while_paused boolean NOT NULL DEFAULT false,
    collapse_key    text,
    switch          text NOT NULL GENERATED ALWAYS AS (
        CASE channel WHEN 'email' THEN 'mail:' ELSE 'push:' END || kind) STORED,
    state           text NOT NULL DEFAULT 'pending' CHECK (state IN (
        'pending', 'leased', 'waiting', 'paused', 'held',
        'done', 'dead', 'cancelled', 'expired')),
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    lease_token     uuid,
    attempts        int NOT NULL DEFAULT 0,
    failures        int NOT NULL DEFAULT 0,
    started_at      timestamptz,
    finished_at     timestamptz,
    paused_at       timestamptz,
    source_taken_at timestamptz,
    asked_at        timestamptz,
    unanswered      int NOT NULL DEFAULT 0,
    batch_id        uuid,
    provider        text,
    provider_id     text,
    error_class     text,
    reason          text,
    CHECK ((source IS NULL) = (source_id IS NULL)),
    CHECK ((state = 'leased') = (lease_token IS NOT NULL)),
    CHECK ((state IN ('done', 'dead', 'cancelled', 'expired')) = (finished_at IS NOT NULL))
);

COMMENT ON COLUMN fanout.deliveries.id IS
    'fanout.delivery_id(cause, channel, recipient): also the key at the provider';
COMMENT ON COLUMN fanout.deliveries.cause IS
    'the record that caused it, as table:key, such as domain_events:42';
COMMENT ON COLUMN fanout.deliveries.recipient IS
    'the id of a person, a device or an endpoint; for an address, fanout.address_hash of it';
COMMENT ON COLUMN fanout.deliveries.kind IS
    'what it tells: an event type, or a type of mail such as magic_link';
COMMENT ON COLUMN fanout.deliveries.source IS
    'the table whose row, source_id, holds what is to be said and shows how the delivery ended';
COMMENT ON COLUMN fanout.deliveries.priority IS
    '0 critical, 1 high, 2 normal, 3 low';
COMMENT ON COLUMN fanout.deliveries.ages_while_paused IS
    'expires_at says how long what it tells is true: it does not move while a switch holds it back';
COMMENT ON COLUMN fanout.deliveries.collapse_key IS
    'a later delivery to the same recipient with this key replaces it while it waits';
COMMENT ON COLUMN fanout.deliveries.switch IS
    'the name of the switch that holds it back, such as mail:invite_accepted';
COMMENT ON COLUMN fanout.deliveries.state IS
    'held: nobody knows whether the provider accepted it, so a person must decide';
COMMENT ON COLUMN fanout.deliveries.next_attempt_at IS
    'when it may be taken: when it is due, when it is tried again, or when its lease ends';
COMMENT ON COLUMN fanout.deliveries.attempts IS
    'all tries; failures are those that count, and after which it is tried later and later';
COMMENT ON COLUMN fanout.deliveries.paused_at IS
    'since when a switch holds it back; expires_at moves by this time when it goes on';
COMMENT ON COLUMN fanout.deliveries.source_taken_at IS
    'when its row of pending_emails became ours, by status pending -> processing';
COMMENT ON COLUMN fanout.deliveries.asked_at IS
    'since when the provider may have it: asked first then, and no try got a clear refusal since';
COMMENT ON COLUMN fanout.deliveries.unanswered IS
    'tries since asked_at after which nobody knows whether the provider accepted it';
COMMENT ON COLUMN fanout.deliveries.provider_id IS
    'what the provider calls it';
COMMENT ON COLUMN fanout.deliveries.reason IS
    'why it failed last or was cancelled, in words; never a value of a row';

-- For each channel and priority: what may be taken, what came due first first.
CREATE INDEX deliveries_to_do_idx
    ON fanout.deliveries (channel, priority, next_attempt_at, sequence)
    WHERE state IN ('pending', 'waiting', 'leased');
CREATE INDEX deliveries_held_up_idx ON fanout.deliveries (channel, state, priority, next_attempt_at)
    WHERE state IN ('paused', 'held');
CREATE INDEX deliveries_cause_idx ON fanout.deliveries (cause);
CREATE INDEX deliveries_collapse_idx
    ON fanout.deliveries (channel, recipient, collapse_key, sequence)
    WHERE collapse_key IS NOT NULL;
CREATE INDEX deliveries_finished_at_idx ON fanout.deliveries (finished_at)
    WHERE finished_at IS NOT NULL;

-- A terminal state never changes, whoever writes: the statements compare first, and this refuses.
CREATE FUNCTION fanout.keep_ended_deliveries() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    RAISE EXCEPTION 'the delivery % has ended: its state cannot change', OLD.id
    USING ERRCODE = 'check_violation';
END
$$;
REVOKE ALL ON FUNCTION fanout.keep_ended_deliveries() FROM PUBLIC;
CREATE TRIGGER keep_ended BEFORE UPDATE ON fanout.deliveries
    FOR EACH ROW
    WHEN (OLD.state IN ('done', 'dead', 'cancelled', 'expired') AND (
        NEW.state <> OLD.state
        OR NEW.id <> OLD.id
        OR NEW.finished_at IS DISTINCT FROM OLD.finished_at
        OR NEW.provider_id IS DISTINCT FROM OLD.provider_id
    ))
    EXECUTE FUNCTION fanout.keep_ended_deliveries();

-- What waits behind a switch does not age. But a link runs out all the same.
CREATE FUNCTION fanout.stop_ageing() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF NEW.state = 'paused' THEN
        NEW.paused_at := now();
    ELSE
        IF NOT OLD.ages_while_paused THEN
            NEW.expires_at := OLD.expires_at + (now() - OLD.paused_at);
        END IF;
        NEW.paused_at := NULL;
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION fanout.stop_ageing() FROM PUBLIC;
CREATE TRIGGER stop_ageing BEFORE UPDATE ON fanout.deliveries
    FOR EACH ROW WHEN ((OLD.state = 'paused') <> (NEW.state = 'paused'))
    EXECUTE FUNCTION fanout.stop_ageing();

-- What is sent, byte by byte: written before the first try at a provider, and only for the sender.
CREATE TABLE fanout.delivery_bodies (
    delivery_id uuid NOT NULL REFERENCES fanout.deliveries (id) ON DELETE CASCADE,
    provider    text NOT NULL,
    body        bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (delivery_id, provider)
);

-- One request for several deliveries. After a crash the whole request is repeated, with its key.
CREATE TABLE fanout.batch_requests (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    provider    text NOT NULL,
    key         text NOT NULL UNIQUE,
    members     uuid[] NOT NULL CHECK (cardinality(members) > 0),
    body        bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    asked_at    timestamptz,
    finished_at timestamptz
);

COMMENT ON COLUMN fanout.batch_requests.members IS
    'the deliveries in the order of the request, which the answers have too';

-- The channels on which deliveries are made. No row: none are.
CREATE TABLE fanout.channels (
    channel text PRIMARY KEY CHECK (channel IN ('email', 'bus', 'fcm', 'webhook')),
    since   timestamptz NOT NULL DEFAULT now(),
    max_age interval NOT NULL DEFAULT '24 hours' CHECK (max_age > '0')
);

COMMENT ON COLUMN fanout.channels.since IS
    'when the graph of the channel first ran: rows that others wrote before are never sent';
COMMENT ON COLUMN fanout.channels.max_age IS
    'after this time an ordinary delivery expires';

-- How much of what providers allow is left: one row for each, shared by all workers.
CREATE TABLE fanout.rate_limits (
    name          text PRIMARY KEY,
    per_second    float8 NOT NULL CHECK (per_second > 0),
    burst         float8 NOT NULL CHECK (burst >= 1),
    tokens        float8 NOT NULL,
    refilled_at   timestamptz NOT NULL DEFAULT now(),
    blocked_until timestamptz
);

COMMENT ON COLUMN fanout.rate_limits.name IS
    'the name of the provider''s switch, such as mail:resend';
COMMENT ON COLUMN fanout.rate_limits.tokens IS
    'requests that were allowed at refilled_at; per_second come back every second, up to burst';
COMMENT ON COLUMN fanout.rate_limits.blocked_until IS
    'the provider said to send nothing before';

-- Addresses stand in our tables only as keyed hashes: who reads a table cannot test for an address.
CREATE TABLE fanout.address_key (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    key      bytea NOT NULL CHECK (length(key) = 32)
);
INSERT INTO fanout.address_key (key)
VALUES (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));

CREATE FUNCTION fanout.address_hash(address text) RETURNS text
LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT 'address:' || encode(sha256(key || convert_to(lower(btrim(address)), 'UTF8')), 'hex')
    FROM fanout.address_key
$$;
REVOKE ALL ON FUNCTION fanout.address_hash(text) FROM PUBLIC;

-- Addresses to which nothing is sent any more.
CREATE TABLE fanout.suppressions (
    address_hash text PRIMARY KEY,
    reason       text NOT NULL CHECK (reason IN ('bounced', 'complained', 'unsubscribed', 'by hand')),
    provider     text,
    since        timestamptz NOT NULL DEFAULT now()
);
