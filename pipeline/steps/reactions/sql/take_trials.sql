-- Take the one trial of each type whose breaker has cooled off, and release its event: the paused one
-- that comes first, of those that wait for no other. If there is none: one whose lease has ended, as the
-- type holds it back. In: seconds, after which another worker may take one. Out: the released events.
WITH cooled_off AS MATERIALIZED (
    SELECT switch.name, held.sequence
    FROM fanout.switches AS switch
    CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT record.sequence
            FROM fanout.reactions AS record
            WHERE record.state = 'paused' AND record.event_type = switch.name
                AND ({held_by_its_key}) IS NOT TRUE
            ORDER BY record.sequence
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        ) AS paused
        UNION ALL
        SELECT * FROM (
            SELECT record.sequence
            FROM fanout.reactions AS record
            WHERE record.state = 'leased' AND record.event_type = switch.name
                AND record.next_attempt_at <= now()
            ORDER BY record.next_attempt_at, record.sequence
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        ) AS lost
        LIMIT 1
    ) AS held
    WHERE switch.state = 'open' AND switch.until <= now()
),
taken AS (
    UPDATE fanout.switches AS switch
    SET until = now() + make_interval(secs => %(seconds)s::float8)
    FROM cooled_off
    -- Again, since another worker may have taken it meanwhile.
    WHERE switch.name = cooled_off.name AND switch.state = 'open' AND switch.until <= now()
    RETURNING cooled_off.sequence
)
UPDATE fanout.reactions AS record SET
    -- A lease that has ended stays one: its claim counts the loss.
    state = CASE
        WHEN record.state = 'leased' THEN 'leased'
        WHEN record.attempts = 0 THEN 'pending'
        ELSE 'waiting'
    END,
    next_attempt_at = least(record.next_attempt_at, now())
FROM taken
WHERE record.sequence = taken.sequence
RETURNING record.event_id
