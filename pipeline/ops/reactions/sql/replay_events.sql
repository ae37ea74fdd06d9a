-- Make events of reactions pending again, each in the order that its handler asks for. In: replay, ids;
-- in_order and one_at_a_time, as adopt_events.sql says. Out: how many are.
SELECT fanout.replay_reactions(
    %(replay)s::uuid, %(ids)s::uuid[], %(in_order)s::text[], %(one_at_a_time)s::jsonb
)
