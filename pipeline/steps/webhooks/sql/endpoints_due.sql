-- The endpoints with deliveries that wait, in a random order, so that none is always the last.
-- Out: recipient, whether the endpoint is known and enabled, whether something is due.
--
-- The index of endpoints is read once for each of them, whatever waits for it.
WITH RECURSIVE waiting AS (
    (
        SELECT recipient FROM fanout.deliveries
        WHERE channel = 'webhook' AND state IN ('pending', 'waiting', 'leased')
        ORDER BY recipient
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT recipient FROM fanout.deliveries
        WHERE channel = 'webhook' AND state IN ('pending', 'waiting', 'leased')
            AND recipient > waiting.recipient
        ORDER BY recipient
        LIMIT 1
    )
    FROM waiting
    WHERE waiting.recipient IS NOT NULL
),
endpoint AS (
    SELECT waiting.recipient, EXISTS (
        SELECT FROM fanout.webhook_endpoints AS known
        WHERE known.id::text = waiting.recipient AND known.disabled_at IS NULL
    ) AS is_enabled
    FROM waiting
    WHERE waiting.recipient IS NOT NULL
)
SELECT endpoint.recipient, endpoint.is_enabled
FROM endpoint
WHERE EXISTS (
    SELECT FROM (VALUES (0), (1), (2), (3)) AS class (priority)
    CROSS JOIN LATERAL (
        SELECT FROM fanout.deliveries
        WHERE channel = 'webhook' AND state IN ('pending', 'waiting', 'leased')
            AND recipient = endpoint.recipient AND priority = class.priority
            AND next_attempt_at <= now()
        -- In the order of the index, so that the table is not read for the first one.
        ORDER BY next_attempt_at
        LIMIT 1
    ) AS due
)
ORDER BY random()
