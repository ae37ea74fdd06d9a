-- The graph of reactions notes which dead letters are not on their topic yet, too.

GRANT SELECT, DELETE, INSERT (letter_key, topic), UPDATE (topic, due_at)
    ON fanout.unpublished_letters TO fanout_reactions;
