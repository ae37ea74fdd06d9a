-- The channels on which deliveries are made.
SELECT channel FROM fanout.channels
