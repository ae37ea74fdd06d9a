-- Every try at anything that is retried, whatever the family: append-only, one row a try.

-- number counts the tries at one record, from 1. The key says that each is recorded once.
CREATE TABLE fanout.attempts (
    source      text NOT NULL,
    record_id   text NOT NULL,
    number      int NOT NULL CHECK (number > 0),
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    result      text NOT NULL CHECK (result IN (
        'done', 'failed', 'dead', 'given back', 'cancelled', 'expired', 'lost')),
    error_class text,
    code        text,
    reason      text,
    PRIMARY KEY (source, record_id, number)
);

CREATE INDEX attempts_finished_at_idx ON fanout.attempts (finished_at);

COMMENT ON COLUMN fanout.attempts.source IS
    'the table of the record; record_id is its key as text, as a dead letter has it';
COMMENT ON COLUMN fanout.attempts.result IS
    'failed: tried again later; given back: likewise, and not counted as a failure;'
    ' lost: whoever tried was not heard of until the lease ended';
COMMENT ON COLUMN fanout.attempts.reason IS
    'in words; never a value of a record';

GRANT SELECT ON fanout.attempts TO fanout_operator;
