-- What became of what an event sends out, with every try and every report of the provider since.
-- In: event, ids of people. A digest tells of several events: left_out says why not of this one.
-- Only mail has reports and digests: the lines between "mail: begin" and "mail: end" are left out where
-- push is alone, the others between "alone: begin" and "alone: end" where it is not.
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
    -- mail: begin
    coalesce(reports.found, '[]') AS reports,
    -- mail: end
    -- alone: begin
    '[]'::jsonb AS reports,
    -- alone: end
    wanted.is_digest,
    wanted.left_out
FROM (
    SELECT id, false AS is_digest, NULL AS left_out
    FROM fanout.deliveries
    WHERE cause = 'domain_events:' || %(event)s::text
    -- mail: begin
    UNION ALL
    SELECT told.delivery_id, true, told.left_out
    FROM public.pending_emails AS email
    JOIN fanout.digest_rows AS told ON told.email_id = email.id
    WHERE email.event_id = %(event)s AND email.user_id = ANY (%(users)s::uuid[])
    UNION ALL
    SELECT told.delivery_id, true, told.left_out
    FROM fanout.deliveries AS push
    JOIN fanout.digest_pushes AS told ON told.push_id = push.id
    WHERE push.cause = 'domain_events:' || %(event)s::text
    -- mail: end
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
-- mail: begin
CROSS JOIN LATERAL (
    SELECT jsonb_agg(
        jsonb_build_object('kind', kind, 'detail', detail, 'at', at) ORDER BY at, received_at
    ) AS found
    FROM fanout.provider_reports AS report
    WHERE report.provider = delivery.provider AND report.provider_id = delivery.provider_id
) AS reports
-- mail: end
WHERE delivery.user_id = ANY (%(users)s::uuid[])
ORDER BY delivery.sequence
