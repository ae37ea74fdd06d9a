-- Switches: what is held back for now, by hand or by a breaker that opened by itself.

-- The name is an event type, or whatever else a family can hold back. No row: it goes on.
CREATE TABLE fanout.switches (
    name             text PRIMARY KEY,
    state            text NOT NULL CHECK (state IN ('paused', 'open')),
    reason           text,
    who              text NOT NULL DEFAULT session_user,
    since            timestamptz NOT NULL DEFAULT now(),
    until            timestamptz,
    failures         int,
    fingerprint      text,
    cool_off_seconds int,
    CHECK (state = 'paused' OR until IS NOT NULL)
);

COMMENT ON COLUMN fanout.switches.state IS
    'paused: by a person, until a person resumes it; open: by the breaker, see until';
COMMENT ON COLUMN fanout.switches.until IS
    'of an open breaker: from then on one event at a time is tried';
COMMENT ON COLUMN fanout.switches.reason IS
    'in words; never a value of an event';

GRANT SELECT, DELETE, INSERT (name, state, reason), UPDATE (state, reason, who, since, until)
    ON fanout.switches TO fanout_operator;
-- For the breaker: it opens, opens again for longer, and closes when an event was completed.
GRANT SELECT, DELETE,
    INSERT (name, state, reason, until, failures, fingerprint, cool_off_seconds),
    UPDATE (until, failures, cool_off_seconds)
    ON fanout.switches TO fanout_writer;
