-- To find the deliveries that were given back, or whose lease has ended, before they are ranked.
CREATE INDEX deliveries_out_of_place_idx ON fanout.deliveries (channel, next_attempt_at)
    WHERE state IN ('pending', 'waiting', 'leased') AND ranked_at < next_attempt_at;
