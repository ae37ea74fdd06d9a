-- A sign of life of every graph; public.fanout_heartbeat is that of Debezium.

-- One row for each graph, whoever runs it: of several processes the one that was heard of last.
CREATE TABLE fanout.graphs (
    graph        text PRIMARY KEY,
    started_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    version      text NOT NULL,
    host         text NOT NULL
);

COMMENT ON TABLE fanout.graphs IS
    'when a process last said that it runs a graph; started_at, version and host are its own';

GRANT SELECT, INSERT (graph, started_at, version, host),
    UPDATE (started_at, last_seen_at, version, host)
    ON fanout.graphs TO fanout_writer;
GRANT SELECT ON fanout.graphs TO fanout_operator;
