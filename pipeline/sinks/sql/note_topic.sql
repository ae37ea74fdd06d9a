-- Note which topic a graph reads. In: graph; topic, or NULL if that is not known.
WITH forgotten AS (
    DELETE FROM fanout.graph_topics WHERE graph = %(graph)s AND %(topic)s::text IS NULL
)
INSERT INTO fanout.graph_topics (graph, topic)
SELECT %(graph)s, %(topic)s::text WHERE %(topic)s::text IS NOT NULL
ON CONFLICT (graph) DO UPDATE SET topic = excluded.topic, noted_at = excluded.noted_at
