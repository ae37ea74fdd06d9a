-- How mails stand. In: stuck_seconds, for how long the sender may leave a mail that it could take.
-- Two parts of what waits, so that each reads its own index. Out: one row.
WITH waiting AS MATERIALIZED (
    SELECT state, deliver_at, next_attempt_at
    FROM fanout.deliveries
    WHERE channel = 'email' AND state IN ('pending', 'waiting', 'leased')
    UNION ALL
    SELECT state, deliver_at, NULL
    FROM fanout.deliveries
    WHERE channel = 'email' AND state IN ('paused', 'held')
),
ended AS MATERIALIZED (
    SELECT state, finished_at - greatest(created_at, deliver_at) AS took
    FROM fanout.deliveries
    WHERE channel = 'email' AND finished_at > now() - interval '1 hour'
)
SELECT
    due.mails AS waiting,
    due.oldest_seconds,
    due.stuck,
    due.held,
    past.sent AS sent_last_hour,
    past.seconds AS seconds_to_send,
    past.failed AS failed_last_hour,
    past.expired AS expired_last_hour
FROM (
    SELECT
        count(*) FILTER (WHERE state <> 'held') AS mails,
        extract(epoch FROM now() - min(deliver_at) FILTER (WHERE state <> 'held'))::float8
            AS oldest_seconds,
        count(*) FILTER (
            WHERE next_attempt_at < now() - make_interval(secs => %(stuck_seconds)s::float8)
        ) AS stuck,
        count(*) FILTER (WHERE state = 'held') AS held
    FROM waiting
    WHERE deliver_at <= now()
) AS due
CROSS JOIN (
    SELECT
        count(*) FILTER (WHERE state = 'done') AS sent,
        (avg(extract(epoch FROM took)) FILTER (WHERE state = 'done'))::float8 AS seconds,
        count(*) FILTER (WHERE state = 'dead') AS failed,
        count(*) FILTER (WHERE state = 'expired') AS expired
    FROM ended
) AS past
