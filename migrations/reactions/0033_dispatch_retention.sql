-- Rows of tasks and messages that ended long ago may go.

GRANT DELETE ON fanout.dispatches TO fanout_jobs;
