-- Let go on what nothing holds back any more, or what is for an endpoint that gets nothing any more.
-- In: prefix of the names of the switches of endpoints; most.
UPDATE fanout.deliveries AS record
SET state = CASE WHEN record.attempts = 0 THEN 'pending' ELSE 'waiting' END
WHERE sequence = ANY (ARRAY(
    SELECT sequence FROM fanout.deliveries AS record
    WHERE record.channel = 'webhook' AND record.state = 'paused'
        AND (
            NOT EXISTS (
                SELECT FROM fanout.switches AS switch
                WHERE switch.name IN (record.switch, %(prefix)s || record.recipient)
            )
            OR NOT EXISTS (
                SELECT FROM fanout.webhook_endpoints AS endpoint
                WHERE endpoint.id::text = record.recipient AND endpoint.disabled_at IS NULL
            )
        )
    ORDER BY record.priority, record.next_attempt_at
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
))
