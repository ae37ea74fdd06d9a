-- Stores a plan. Harmless when repeated. In: id, planned_by, selector, ignore_age, event_ids, plan.
INSERT INTO fanout.replay_plans (id, planned_by, selector, ignore_age, event_ids, planned, plan)
VALUES (
    %(id)s, %(planned_by)s, %(selector)s::jsonb, %(ignore_age)s, %(event_ids)s::bigint[],
    cardinality(%(event_ids)s::bigint[]), %(plan)s::jsonb
)
ON CONFLICT (id) DO NOTHING
