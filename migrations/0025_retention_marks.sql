-- Up to where retention has deleted rows of the ledger, so that no event counts as unfinished for it.

-- An event without a ledger row is finished if it was created before created_before of the first mark
-- at or above its id. Every event that this holds for was final when the mark was moved. The time is in
-- it because ids are no order of time: an event that gets a low id later was created later, and is
-- unfinished until the ledger has a row for it. A ledger row always decides, wherever the mark is.
CREATE TABLE fanout.retention_marks (
    last_event_id  bigint PRIMARY KEY,
    created_before timestamptz NOT NULL,
    moved_at       timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE fanout.retention_marks IS
    'up to which events ledger rows may be deleted: an event without a row is finished if its'
    ' created_at is before created_before of the first mark at or above its id';
COMMENT ON COLUMN fanout.retention_marks.last_event_id IS
    'the mark covers the ids up to this one, from the mark below it on';

GRANT SELECT ON fanout.retention_marks TO fanout_writer, fanout_operator;
