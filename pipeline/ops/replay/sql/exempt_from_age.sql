-- Exempts these events from the age limit. Harmless when repeated.
INSERT INTO fanout.age_exemptions (event_id, replay_id)
SELECT id, %(replay)s FROM unnest(%(ids)s::bigint[]) AS asked (id)
ON CONFLICT (event_id) DO NOTHING
