-- How deliveries stand. In: channels; stuck_seconds, for how long the sender may leave a delivery that
-- it could take. Out: one row for each channel, in the order of the channels.
-- Three parts of what waits, so that each reads its own index. Without mail there is no index of what
-- waits for digests, and nothing does: the table is not read then.
WITH waiting AS MATERIALIZED (
    SELECT channel, state, deliver_at, next_attempt_at
    FROM fanout.deliveries
    WHERE channel = ANY (%(channels)s::text[]) AND state IN ('pending', 'waiting', 'leased')
    UNION ALL
    SELECT channel, state, deliver_at, NULL
    FROM fanout.deliveries
    WHERE channel = ANY (%(channels)s::text[]) AND state IN ('paused', 'held')
),
for_digests AS MATERIALIZED (
    SELECT channel
    FROM fanout.deliveries
    WHERE to_regclass('fanout.digest_pushes') IS NOT NULL
        AND channel = ANY (%(channels)s::text[]) AND state = 'digest' AND source_taken_at IS NULL
),
ended AS MATERIALIZED (
    SELECT channel, state, finished_at - greatest(created_at, deliver_at) AS took
    FROM fanout.deliveries
    WHERE channel = ANY (%(channels)s::text[]) AND finished_at > now() - interval '1 hour'
)
SELECT
    due.waiting,
    due.oldest_seconds,
    due.later,
    due.ready_seconds,
    due.stuck,
    due.paused,
    due.held,
    (SELECT count(*) FROM for_digests WHERE for_digests.channel = wanted.channel) AS in_digest,
    past.sent AS sent_last_hour,
    past.seconds AS seconds_to_send,
    past.failed AS failed_last_hour,
    past.expired AS expired_last_hour
FROM unnest(%(channels)s::text[]) WITH ORDINALITY AS wanted (channel, place)
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE state <> 'held') AS waiting,
        extract(epoch FROM now() - min(deliver_at) FILTER (WHERE state <> 'held'))::float8
            AS oldest_seconds,
        count(*) FILTER (WHERE state IN ('pending', 'waiting') AND next_attempt_at > now()) AS later,
        extract(epoch FROM now() - min(next_attempt_at) FILTER (
            WHERE next_attempt_at > '-infinity' AND next_attempt_at <= now()
        ))::float8 AS ready_seconds,
        count(*) FILTER (
            WHERE next_attempt_at < now() - make_interval(secs => %(stuck_seconds)s::float8)
        ) AS stuck,
        count(*) FILTER (WHERE state = 'paused') AS paused,
        count(*) FILTER (WHERE state = 'held') AS held
    FROM waiting
    WHERE waiting.channel = wanted.channel AND deliver_at <= now()
) AS due
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE state = 'done') AS sent,
        (avg(extract(epoch FROM took)) FILTER (WHERE state = 'done'))::float8 AS seconds,
        count(*) FILTER (WHERE state = 'dead') AS failed,
        count(*) FILTER (WHERE state = 'expired') AS expired
    FROM ended
    WHERE ended.channel = wanted.channel
) AS past
ORDER BY wanted.place
