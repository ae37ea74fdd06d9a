-- The plan of a replay of the service, and the events that were published. In: replay.
SELECT plan, event_ids[1:published] FROM fanout.replay_plans WHERE id = %(replay)s::uuid
