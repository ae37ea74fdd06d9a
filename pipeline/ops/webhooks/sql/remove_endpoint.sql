-- Remove an endpoint with all that belongs to it. What waits for it ends as cancelled.
-- In: name, audit, prefix of the names of its switch and of its rate limit.
-- Out: name, true; no row if there is none.
WITH removed AS (
    DELETE FROM fanout.webhook_endpoints WHERE name = %(name)s RETURNING id, name
),
closed AS (
    DELETE FROM fanout.switches AS switch
    USING removed
    WHERE switch.name = %(prefix)s || removed.id::text
),
unlimited AS (
    DELETE FROM fanout.rate_limits AS limits
    USING removed
    WHERE limits.name = %(prefix)s || removed.id::text
),
audited AS (
    INSERT INTO fanout.audit (id, who, identity, action, target, finished_at, result)
    SELECT %(audit)s, session_user, 'login', 'webhooks remove', name, now(), 'removed' FROM removed
)
SELECT name, true AS changed FROM removed
