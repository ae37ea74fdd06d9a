-- What became of what an event sends to endpoints of other systems, with every try. In: event.
-- An endpoint that was removed has no name any more.
SELECT
    delivery.id,
    delivery.user_id,
    delivery.channel,
    delivery.state,
    CASE WHEN isfinite(delivery.next_attempt_at) THEN delivery.next_attempt_at END AS next_attempt_at,
    delivery.finished_at,
    delivery.provider,
    delivery.provider_id,
    delivery.reason,
    coalesce(tries.found, '[]') AS tries,
    '[]'::jsonb AS reports,
    false AS is_digest,
    NULL AS left_out,
    endpoint.name AS endpoint
FROM fanout.deliveries AS delivery
LEFT JOIN fanout.webhook_endpoints AS endpoint ON endpoint.id::text = delivery.recipient
CROSS JOIN LATERAL (
    SELECT jsonb_agg(
        jsonb_build_object(
            'number', number, 'result', result, 'code', code, 'reason', reason, 'at', finished_at)
        ORDER BY number
    ) AS found
    FROM fanout.attempts
    WHERE source = 'deliveries' AND record_id = delivery.id::text
) AS tries
WHERE delivery.cause = 'domain_events:' || %(event)s::text AND delivery.channel = 'webhook'
ORDER BY endpoint.name, delivery.sequence
