-- What became of what an event sends out, with every try and every report of the provider since.
-- In: event, ids of people.
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
    coalesce(reports.found, '[]') AS reports
FROM fanout.deliveries AS delivery
CROSS JOIN LATERAL (
    SELECT jsonb_agg(
        jsonb_build_object(
            'number', number, 'result', result, 'code', code, 'reason', reason, 'at', finished_at)
        ORDER BY number
    ) AS found
    FROM fanout.attempts
    WHERE source = 'deliveries' AND record_id = delivery.id::text
) AS tries
CROSS JOIN LATERAL (
    SELECT jsonb_agg(
        jsonb_build_object('kind', kind, 'detail', detail, 'at', at) ORDER BY at, received_at
    ) AS found
    FROM fanout.provider_reports AS report
    WHERE report.provider = delivery.provider AND report.provider_id = delivery.provider_id
) AS reports
WHERE delivery.cause = 'domain_events:' || %(event)s::text
    AND delivery.user_id = ANY (%(users)s::uuid[])
ORDER BY delivery.sequence
