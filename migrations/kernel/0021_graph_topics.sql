-- Which topic each graph reads, so that a replay is not published to the topic of another one.

-- A graph that may not look at its subscription has no row.
CREATE TABLE fanout.graph_topics (
    graph    text PRIMARY KEY,
    topic    text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE fanout.graph_topics IS
    'the topic of the subscription that a graph read when it started last: projects/P/topics/T';

GRANT SELECT, DELETE, INSERT (graph, topic), UPDATE (topic, noted_at)
    ON fanout.graph_topics TO fanout_writer;
GRANT SELECT ON fanout.graph_topics TO fanout_operator;
