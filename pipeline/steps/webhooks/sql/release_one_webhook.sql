-- Release the delivery with which an endpoint is tried whose breaker has cooled off. In: recipient.
-- One that was tried less comes first: perhaps the endpoint cannot take a certain one.
UPDATE fanout.deliveries SET state = CASE WHEN attempts = 0 THEN 'pending' ELSE 'waiting' END,
    next_attempt_at = least(next_attempt_at, now())
WHERE sequence = (
    SELECT sequence FROM fanout.deliveries AS record
    WHERE record.state = 'paused' AND record.channel = 'webhook'
        AND record.recipient = %(recipient)s
        AND NOT EXISTS (
            SELECT FROM fanout.switches AS switch WHERE switch.name = record.switch
        )
    ORDER BY record.attempts, record.priority, record.next_attempt_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
