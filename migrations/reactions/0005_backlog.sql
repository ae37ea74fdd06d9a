-- Reactions: the events of an application from before it had this pipeline. They have no sequence.

-- One row. What is found after that is never a replay: an old event that somebody opens again.
CREATE TABLE fanout.reaction_backlog (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    reached     uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    finished_at timestamptz
);
INSERT INTO fanout.reaction_backlog DEFAULT VALUES;

COMMENT ON TABLE fanout.reaction_backlog IS
    'how far the events without a sequence have been found; finished_at: all have been';

-- Empty in a table of ours, where every event has a sequence.
CREATE INDEX IF NOT EXISTS events_of_the_backlog_idx
    ON reactions.events (id) WHERE processed IS NOT TRUE AND sequence IS NULL;

GRANT SELECT, UPDATE (reached, finished_at) ON fanout.reaction_backlog TO fanout_reactions;
-- An old event has its old place. Whoever closes events without a handler closes follow-ups, too.
GRANT INSERT (next_attempt_at) ON fanout.reactions TO fanout_reactions;
GRANT INSERT (processed) ON reactions.events TO fanout_reactions;
