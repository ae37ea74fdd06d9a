-- The last sign of life of every graph that ever ran here.
SELECT
    graph,
    extract(epoch FROM now() - last_seen_at)::float8 AS last_seen_seconds,
    extract(epoch FROM now() - started_at)::float8 AS started_seconds,
    version,
    host
FROM fanout.graphs
ORDER BY graph
