-- Hold back what a switch holds back now: of its kind, or of its endpoint.
-- In: prefix of the names of the switches of endpoints; most.
WITH closed AS MATERIALIZED (
    SELECT coalesce(array_agg(name), '{}') AS names,
           coalesce(array_agg(substr(name, length(%(prefix)s) + 1))
               FILTER (WHERE starts_with(name, %(prefix)s)), '{}') AS recipients
    FROM fanout.switches
)
UPDATE fanout.deliveries AS record SET state = 'paused',
    next_attempt_at = coalesce(record.ranked_at, record.next_attempt_at)
WHERE sequence = ANY (ARRAY(
    SELECT sequence FROM fanout.deliveries
    WHERE channel = 'webhook' AND state IN ('pending', 'waiting')
        AND (
            recipient = ANY ((SELECT recipients FROM closed)::text[])
            OR switch = ANY ((SELECT names FROM closed)::text[])
        )
        -- What is for an endpoint that gets nothing any more ends at once.
        AND EXISTS (
            SELECT FROM fanout.webhook_endpoints AS endpoint
            WHERE endpoint.id::text = recipient AND endpoint.disabled_at IS NULL
        )
    ORDER BY priority, next_attempt_at
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
))
