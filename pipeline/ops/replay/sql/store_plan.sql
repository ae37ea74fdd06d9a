-- Stores a plan. Harmless when repeated. In: id, planned_by, selector, ignore_age, plan; event_ids, or
-- reaction_ids for a plan of reactions, the other one NULL.
INSERT INTO fanout.replay_plans (
    id, planned_by, selector, ignore_age, event_ids, reaction_ids, planned, plan
)
VALUES (
    %(id)s, %(planned_by)s, %(selector)s::jsonb, %(ignore_age)s,
    coalesce(%(event_ids)s::bigint[], '{}'), %(reaction_ids)s::uuid[],
    coalesce(cardinality(%(event_ids)s::bigint[]), 0)
        + coalesce(cardinality(%(reaction_ids)s::uuid[]), 0),
    %(plan)s::jsonb
)
ON CONFLICT (id) DO NOTHING
