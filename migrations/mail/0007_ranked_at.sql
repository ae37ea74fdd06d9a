-- A delivery that is given back, or whose lease ends, keeps the place that its due time gave it.

ALTER TABLE fanout.deliveries ADD COLUMN ranked_at timestamptz;
COMMENT ON COLUMN fanout.deliveries.ranked_at IS
    'the time by which it is ranked since it was first taken, unless it failed; then next_attempt_at';
GRANT UPDATE (ranked_at) ON fanout.deliveries TO fanout_sender;
