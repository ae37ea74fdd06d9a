-- Plans and replays, the latest first: of the service with their plans, and of the command.
-- In: replay, or NULL for all; before_at and before_id, or NULL; most.
SELECT replay.*
FROM (
    SELECT id, 'service' AS source,
           CASE
               WHEN state = 'pending' THEN 'planned'
               WHEN state = 'leased' AND next_attempt_at > now() THEN 'running'
               WHEN state = 'leased' THEN 'interrupted'
               WHEN state = 'waiting' AND error_class IS NULL THEN 'stopped'
               WHEN state = 'waiting' THEN 'failed'
               ELSE 'published'
           END AS state,
           planned_at, planned_by, selector, ignore_age, planned, applied_by, rate, note, published,
           started_at, finished_at, CASE WHEN state <> 'leased' THEN reason END AS reason
    FROM fanout.replay_plans
    UNION ALL
    SELECT id, 'command',
           CASE
               WHEN finished_at IS NULL THEN 'running'
               WHEN result IN ('published', 'stopped', 'interrupted') THEN result
               ELSE 'failed'
           END,
           started_at, who, selector - 'ignore-age', selector ? 'ignore-age', planned, who, NULL, note,
           coalesce(published, 0), started_at, finished_at,
           CASE WHEN result LIKE 'failed: %%' THEN substr(result, 9) END
    FROM public.fanout_replays AS record
    WHERE NOT EXISTS (SELECT FROM fanout.replay_plans AS plan WHERE plan.id = record.id)
) AS replay
WHERE (%(replay)s::uuid IS NULL OR replay.id = %(replay)s::uuid)
AND (
    %(before_at)s::timestamptz IS NULL
    OR (replay.planned_at, replay.id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
)
ORDER BY replay.planned_at DESC, replay.id DESC
LIMIT %(most)s
