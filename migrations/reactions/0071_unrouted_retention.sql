-- The rows of events without a handler go, too, when they were parked long enough.

GRANT SELECT (sequence, created_at) ON fanout.reactions TO fanout_jobs;

COMMENT ON TABLE fanout.reaction_marks IS
    'one row: events up to this sequence that have no row in fanout.reactions have ended, were parked for long, or were processed before';
