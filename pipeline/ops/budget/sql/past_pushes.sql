-- Pushes that were about to go to the phones of people. In: seconds: of the last so many.
-- Out: person, priority, when, when it was of no use any more; whether it was sent on, was held by quiet
-- hours, was too much; and whether it expired.
WITH tried AS MATERIALIZED (
    SELECT record_id, finished_at, result, code
    FROM fanout.attempts
    WHERE finished_at > now() - make_interval(secs => %(seconds)s)
        AND source = 'deliveries'
        AND (
            code IN ('quiet_hours', 'over_budget')
            OR result = 'cancelled'
            AND code IN ('not_connected', 'bus_unreachable', 'no_bus', 'in_doubt')
        )
)
SELECT delivery.user_id, delivery.priority, min(tried.finished_at), delivery.expires_at,
    bool_or(tried.result = 'cancelled' AND tried.code <> 'over_budget'),
    bool_or(tried.code = 'quiet_hours'),
    bool_or(tried.code = 'over_budget'),
    delivery.state = 'expired'
FROM tried
JOIN fanout.deliveries AS delivery ON delivery.id = tried.record_id::uuid
WHERE delivery.channel = 'bus' AND delivery.user_id IS NOT NULL
GROUP BY delivery.id
ORDER BY min(tried.finished_at), delivery.sequence
