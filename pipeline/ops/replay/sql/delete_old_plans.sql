-- Deletes some old plans. What was applied stays in fanout_replays. In: days, most.
DELETE FROM fanout.replay_plans
WHERE id = ANY (ARRAY(
    SELECT id
    FROM fanout.replay_plans
    WHERE planned_at < now() - make_interval(days => %(days)s::int)
    AND state <> 'leased'
    ORDER BY planned_at
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
))
