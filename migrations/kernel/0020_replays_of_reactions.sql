-- Plans of replays also hold events of reactions, which have UUIDs.

ALTER TABLE fanout.replay_plans
    ADD COLUMN reaction_ids uuid[],
    DROP CONSTRAINT replay_plans_check,
    ADD CONSTRAINT replay_plans_check CHECK (
        planned = cardinality(event_ids) + coalesce(cardinality(reaction_ids), 0)
    );

COMMENT ON COLUMN fanout.replay_plans.reaction_ids IS
    'the same for a plan of reactions, which has no event_ids; NULL: it is one of the fan-out';

GRANT INSERT (reaction_ids) ON fanout.replay_plans TO fanout_operator;
