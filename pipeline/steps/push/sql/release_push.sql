-- Release the paused delivery that comes first, for a trial. In: channel.
UPDATE fanout.deliveries SET
    state = CASE WHEN attempts = 0 THEN 'pending' ELSE 'waiting' END,
    next_attempt_at = least(next_attempt_at, now())
WHERE sequence = (
    SELECT sequence FROM fanout.deliveries AS record
    WHERE record.state = 'paused' AND record.channel = %(channel)s
        AND NOT EXISTS (
            SELECT FROM fanout.switches AS switch WHERE switch.name = record.switch
        )
    ORDER BY record.priority, record.next_attempt_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
