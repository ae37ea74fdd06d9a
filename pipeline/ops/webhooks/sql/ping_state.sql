-- How a delivery stands, and its last try. In: id.
SELECT
    delivery.state,
    delivery.attempts,
    delivery.provider_id,
    replace(coalesce(delivery.reason, last.reason), delivery.provider, 'it') AS reason
FROM fanout.deliveries AS delivery
LEFT JOIN LATERAL (
    SELECT reason FROM fanout.attempts
    WHERE source = 'deliveries' AND record_id = delivery.id::text
    ORDER BY number DESC
    LIMIT 1
) AS last ON true
WHERE delivery.id = %(id)s
