-- Give back the tries that opened a breaker: they cost no event an attempt. In: ids and counts, one each.
UPDATE fanout.reactions AS record SET
    failures = greatest(0, record.failures - given.failures),
    next_attempt_at = CASE record.state
        WHEN 'leased' THEN record.next_attempt_at
        ELSE least(record.next_attempt_at, now())
    END
FROM unnest(%(ids)s::uuid[], %(counts)s::int[]) AS given (event_id, failures)
WHERE record.event_id = given.event_id AND record.state IN ('leased', 'waiting', 'paused')
