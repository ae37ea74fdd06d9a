-- Write the sign of life of a graph.
-- In: graph; up_seconds: how long this process has run the graph; version; host.
INSERT INTO fanout.graphs (graph, started_at, version, host)
VALUES (%(graph)s, now() - make_interval(secs => %(up_seconds)s), %(version)s, %(host)s)
ON CONFLICT (graph) DO UPDATE SET
    started_at = excluded.started_at,
    last_seen_at = excluded.last_seen_at,
    version = excluded.version,
    host = excluded.host
