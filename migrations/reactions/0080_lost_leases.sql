-- How often the workers of an event ended while they had it: such an event is then tried alone.

ALTER TABLE fanout.reactions ADD COLUMN losses smallint NOT NULL DEFAULT 0;

COMMENT ON COLUMN fanout.reactions.losses IS
    'how many leases in a row ended without a word of their worker; -1: the next one is no loss';

-- Small: what is lost once is claimed at the next look.
CREATE INDEX reactions_suspects_idx ON fanout.reactions (next_attempt_at, sequence)
    WHERE state = 'leased' AND losses >= 1;

GRANT UPDATE (losses) ON fanout.reactions TO fanout_reactions;
