-- Note that a provider is asked to send a batch of mails. In: provider, batch, seconds; sequences and
-- tokens, one each. Out: the sequences that are still ours.
WITH given AS MATERIALIZED (
    SELECT *
    FROM unnest(%(sequences)s::bigint[], %(tokens)s::uuid[]) AS given (sequence, token)
)
UPDATE fanout.deliveries AS record SET
    provider = %(provider)s,
    batch_id = %(batch)s,
    asked_at = coalesce(record.asked_at, now()),
    unanswered = record.unanswered + 1,
    next_attempt_at = now() + make_interval(secs => %(seconds)s)
FROM given
WHERE record.sequence = given.sequence AND record.lease_token = given.token
    AND record.state = 'leased'
RETURNING record.sequence
