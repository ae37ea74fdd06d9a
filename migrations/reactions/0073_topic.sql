-- The graph of reactions notes which topic it reads, too.

GRANT SELECT, DELETE, INSERT (graph, topic), UPDATE (topic, noted_at)
    ON fanout.graph_topics TO fanout_reactions;
