-- Leave out what has expired or was superseded, and note that the providers of the others are asked.
-- In: seconds; sequences, tokens and providers, one each. Out: sequence and why it is not sent; no
-- reason: it is noted. A delivery whose lease another worker has taken over is in neither.
--
-- Without a sync of the disk: what a crash of the server forgets of it, a try that is repeated once
-- more, is as if the worker had died.
WITH given AS MATERIALIZED (
    SELECT given.*, set_config('synchronous_commit', 'off', true) AS not_synced
    FROM unnest(%(sequences)s::bigint[], %(tokens)s::uuid[], %(providers)s::text[])
        AS given (sequence, token, provider)
),
checked AS MATERIALIZED (
    SELECT given.*, CASE
        WHEN delivery.expires_at <= now() THEN 'expired'
        WHEN delivery.collapse_key IS NOT NULL AND EXISTS (
            SELECT FROM fanout.deliveries AS later
            WHERE later.channel = delivery.channel AND later.recipient = delivery.recipient
                AND later.collapse_key = delivery.collapse_key
                AND later.sequence > delivery.sequence
            OFFSET 0
        ) THEN 'superseded'
    END AS reason
    FROM given
    JOIN fanout.deliveries AS delivery USING (sequence)
),
noted AS (
    UPDATE fanout.deliveries AS record SET
        provider = checked.provider,
        asked_at = coalesce(record.asked_at, now()),
        unanswered = record.unanswered + 1,
        next_attempt_at = now() + make_interval(secs => %(seconds)s)
    FROM checked
    WHERE checked.reason IS NULL
        AND record.sequence = checked.sequence
        AND record.lease_token = checked.token
    RETURNING record.sequence
)
SELECT sequence, reason FROM checked WHERE reason IS NOT NULL
UNION ALL
SELECT sequence, NULL FROM noted
