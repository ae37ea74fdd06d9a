-- The delivery on some channels that a graph could have taken for longest, and for how many seconds; and
-- whether one was done in the last minute. In: channels. No row: none could be taken. Each priority of
-- each channel has its own part of the index, whose first entry is read. A leased delivery may be taken
-- when its lease has ended: its worker is gone.
SELECT extract(epoch FROM now() - oldest.next_attempt_at)::float8 AS seconds, EXISTS (
    SELECT FROM fanout.deliveries
    WHERE channel = ANY (%(channels)s::text[])
        AND state = 'done'
        AND finished_at > now() - interval '1 minute'
) AS moves
FROM unnest(%(channels)s::text[]) AS asked (channel)
CROSS JOIN generate_series(0, 3) AS rank
CROSS JOIN LATERAL (
    SELECT next_attempt_at
    FROM fanout.deliveries
    WHERE channel = asked.channel
        AND priority = rank
        AND state IN ('pending', 'waiting', 'leased')
        AND next_attempt_at <= now()
    ORDER BY next_attempt_at, sequence
    LIMIT 1
) AS oldest
ORDER BY oldest.next_attempt_at
LIMIT 1
