-- Dead letters that are in their table, but perhaps not on their topic yet.

CREATE TABLE fanout.unpublished_letters (
    letter_key text PRIMARY KEY,
    topic      text NOT NULL,
    due_at     timestamptz NOT NULL DEFAULT now() + interval '1 minute'
);

COMMENT ON TABLE fanout.unpublished_letters IS
    'dead letters that are not on the dead-letter topic yet; the row goes when one is';
COMMENT ON COLUMN fanout.unpublished_letters.topic IS
    'projects/P/topics/T: the topic to which it is published';
COMMENT ON COLUMN fanout.unpublished_letters.due_at IS
    'from then on any process with this topic publishes it: the one that wrote it is gone, or Pub/Sub did not answer';

GRANT SELECT, DELETE, INSERT (letter_key, topic), UPDATE (topic, due_at)
    ON fanout.unpublished_letters TO fanout_writer;
