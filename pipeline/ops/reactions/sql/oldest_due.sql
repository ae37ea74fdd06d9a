-- For how many seconds the event of reactions that could have been taken for longest could be; and whether
-- one was done in the last minute. No row: none could be taken. A leased event may be taken when its lease
-- has ended: its worker is gone.
SELECT extract(epoch FROM now() - oldest.next_attempt_at)::float8 AS seconds, EXISTS (
    SELECT FROM fanout.reactions
    WHERE state = 'done' AND finished_at > now() - interval '1 minute'
) AS moves
FROM (
    SELECT next_attempt_at
    FROM fanout.reactions
    WHERE state IN ('pending', 'waiting', 'leased') AND next_attempt_at <= now()
    ORDER BY next_attempt_at, sequence
    LIMIT 1
) AS oldest
