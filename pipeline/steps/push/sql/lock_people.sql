-- Let no other worker decide about the pushes of these people until the transaction ends: what is left
-- of a budget is spent once. In: users.
SELECT pg_advisory_xact_lock(key)
FROM (
    SELECT DISTINCT hashtextextended('fanout.disturbance:' || user_id, 0) AS key
    FROM unnest(%(users)s::uuid[]) AS asked (user_id)
    -- In one order for all, so that nobody waits in a circle.
    ORDER BY key
    OFFSET 0
) AS locked
