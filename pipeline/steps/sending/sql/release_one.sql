-- Release the paused delivery that comes first, for a trial; with those of its request, if it was in
-- one for several. In: channel; provider: what no other provider may have, or NULL for all.
-- Out: the sequence of the first, if there is one.
WITH first AS MATERIALIZED (
    SELECT sequence, batch_id FROM fanout.deliveries AS record
    WHERE record.state = 'paused' AND record.channel = %(channel)s
        AND NOT EXISTS (
            SELECT FROM fanout.switches AS switch WHERE switch.name = record.switch
        )
        AND (
            %(provider)s::text IS NULL OR record.asked_at IS NULL
            OR record.provider = %(provider)s::text
        )
    ORDER BY record.priority, record.next_attempt_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
),
rest AS MATERIALIZED (
    SELECT record.sequence
    FROM fanout.deliveries AS record
    WHERE record.id = ANY (ARRAY(
        SELECT unnest(members) FROM fanout.batch_requests
        WHERE id = (SELECT batch_id FROM first)
    ))
    AND record.state = 'paused'
    AND NOT EXISTS (
        SELECT FROM fanout.switches AS switch WHERE switch.name = record.switch
    )
    FOR UPDATE OF record SKIP LOCKED
),
released AS (
    UPDATE fanout.deliveries SET
        state = CASE WHEN attempts = 0 THEN 'pending' ELSE 'waiting' END,
        next_attempt_at = least(next_attempt_at, now())
    WHERE sequence = ANY (ARRAY(SELECT sequence FROM first UNION SELECT sequence FROM rest))
)
SELECT sequence FROM first
