-- The plan of a replay of the service, and the events that were published: numbers, or UUIDs of reactions,
-- the other ones NULL. In: replay.
SELECT plan, CASE WHEN reaction_ids IS NULL THEN event_ids[1:published] END, reaction_ids[1:published]
FROM fanout.replay_plans
WHERE id = %(replay)s::uuid
