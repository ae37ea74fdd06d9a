-- Make events of reactions pending again. In: replay, ids. Out: how many are.
SELECT fanout.replay_reactions(%(replay)s::uuid, %(ids)s::uuid[])
