-- How a delivery stands, and its last try. In: id.
SELECT
    delivery.state,
    delivery.attempts,
    delivery.provider_id,
    -- One that ended before its first try has a reason, and no provider.
    replace(coalesce(delivery.reason, last.reason), coalesce(delivery.provider, ''), 'it') AS reason
FROM fanout.deliveries AS delivery
LEFT JOIN LATERAL (
    SELECT reason FROM fanout.attempts
    WHERE source = 'deliveries' AND record_id = delivery.id::text
    ORDER BY number DESC
    LIMIT 1
) AS last ON true
WHERE delivery.id = %(id)s
