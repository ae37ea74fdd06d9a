-- The graph of the jobs writes its sign of life, as that of the fan-out does.
GRANT SELECT, INSERT (graph, started_at, version, host),
    UPDATE (started_at, last_seen_at, version, host)
    ON fanout.graphs TO fanout_jobs;
