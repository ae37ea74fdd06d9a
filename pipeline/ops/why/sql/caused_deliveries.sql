-- What became of deliveries, with every try. In: cause, or NULL; ids of deliveries.
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
    delivery.cause,
    delivery.kind
FROM (
    SELECT id FROM fanout.deliveries WHERE cause = %(cause)s
    UNION
    SELECT id FROM fanout.deliveries WHERE id = ANY (%(deliveries)s::uuid[])
) AS wanted
JOIN fanout.deliveries AS delivery ON delivery.id = wanted.id
CROSS JOIN LATERAL (
    SELECT jsonb_agg(
        jsonb_build_object(
            'number', number, 'result', result, 'code', code, 'reason', reason, 'at', finished_at)
        ORDER BY number
    ) AS found
    FROM fanout.attempts
    WHERE source = 'deliveries' AND record_id = delivery.id::text
) AS tries
ORDER BY delivery.sequence
