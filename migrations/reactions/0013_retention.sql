-- Ledger rows of events that ended long ago may go, behind a mark below which no event is found again.

CREATE TABLE fanout.reaction_marks (
    one           boolean PRIMARY KEY DEFAULT true CHECK (one),
    last_sequence bigint NOT NULL,
    moved_at      timestamptz NOT NULL DEFAULT now()
);
INSERT INTO fanout.reaction_marks (last_sequence) VALUES (-9223372036854775808);

COMMENT ON TABLE fanout.reaction_marks IS
    'one row: events up to this sequence that have no row in fanout.reactions have ended, or were processed before';

GRANT SELECT ON fanout.reaction_marks TO fanout_reactions;
GRANT SELECT, UPDATE (last_sequence, moved_at) ON fanout.reaction_marks TO fanout_jobs;
GRANT SELECT (event_id, state, finished_at), DELETE ON fanout.reactions TO fanout_jobs;
GRANT SELECT (id, sequence, processed) ON reactions.events TO fanout_jobs;
GRANT SELECT (letter_key, resolved_at) ON public.event_dead_letters TO fanout_jobs;
GRANT SELECT, DELETE ON fanout.attempts TO fanout_jobs;
GRANT SELECT (last_sequence) ON fanout.reaction_marks TO fanout_operator, fanout_viewer;

-- For forget, which counts what the application has to delete.
GRANT SELECT (id) ON reactions.users TO fanout_operator;
GRANT SELECT (user_id) ON reactions.conversations TO fanout_operator;
GRANT SELECT (requesting_user_id) ON reactions.community_requests TO fanout_operator;
