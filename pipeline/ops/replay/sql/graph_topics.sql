-- The topics that graphs read, as far as they could say. No row for the others.
SELECT graph, topic FROM fanout.graph_topics
