-- How many tries and events of reactions ended how, since the first event or as far back as
-- attempts are kept. What was lost or given back was not tried to the end.
SELECT tried.succeeded, tried.failed, ended.dead, ended.unrouted,
    greatest(tried.last_at, ended.last_unrouted_at) AS last_at
FROM (
    SELECT
        count(*) FILTER (WHERE result = 'done') AS succeeded,
        count(*) FILTER (WHERE result IN ('failed', 'dead')) AS failed,
        max(finished_at) FILTER (WHERE result IN ('done', 'failed', 'dead')) AS last_at
    FROM fanout.attempts
    WHERE source = 'events'
) AS tried
CROSS JOIN (
    SELECT
        count(*) FILTER (WHERE state = 'dead') AS dead,
        count(*) FILTER (WHERE state = 'unrouted') AS unrouted,
        max(created_at) FILTER (WHERE state = 'unrouted') AS last_unrouted_at
    FROM fanout.reactions
    WHERE state IN ('paused', 'dead', 'unrouted')
) AS ended
