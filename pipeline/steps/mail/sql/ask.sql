-- Note that a provider is asked to send mails, and freeze what it is sent: each its own request.
-- In: provider; sequences, tokens and bodies, one each. Out: the sequences that are still ours.
WITH given AS MATERIALIZED (
    SELECT *
    FROM unnest(%(sequences)s::bigint[], %(tokens)s::uuid[], %(bodies)s::bytea[])
        AS given (sequence, token, body)
),
asked AS (
    UPDATE fanout.deliveries AS record SET
        provider = %(provider)s,
        asked_at = coalesce(record.asked_at, now()),
        unanswered = record.unanswered + 1,
        next_attempt_at = now() + make_interval(secs => %(seconds)s)
    FROM given
    WHERE record.sequence = given.sequence AND record.lease_token = given.token
        AND record.state = 'leased'
    RETURNING record.sequence, record.id, given.body
),
stored AS (
    INSERT INTO fanout.delivery_bodies (delivery_id, provider, body)
    SELECT id, %(provider)s, body FROM asked
    ON CONFLICT (delivery_id, provider) DO NOTHING
)
SELECT sequence FROM asked
