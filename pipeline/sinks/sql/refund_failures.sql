-- Failures that opened a breaker cost nobody an attempt, nor its rank. In: sequences and counts, one
-- each.
UPDATE fanout.deliveries AS record SET
    failures = greatest(0, record.failures - given.failures),
    ranked_at = CASE
        WHEN record.failures <= given.failures THEN record.deliver_at ELSE record.ranked_at
    END,
    next_attempt_at = CASE record.state
        WHEN 'leased' THEN record.next_attempt_at
        ELSE least(record.next_attempt_at, now())
    END
FROM unnest(%(sequences)s::bigint[], %(counts)s::int[]) AS given (sequence, failures)
WHERE record.sequence = given.sequence AND record.state IN ('leased', 'waiting', 'paused')
