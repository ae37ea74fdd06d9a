-- The deliveries that are due, for a dry run: nothing is claimed. In: channels; most.
SELECT sequence, id, cause, channel, recipient, kind, user_id, source, source_id, priority, attempts,
    failures, next_attempt_at AS due_at, unanswered, expires_at, collapse_key
FROM fanout.deliveries
WHERE channel = ANY (%(channels)s) AND state IN ('pending', 'waiting') AND next_attempt_at <= now()
ORDER BY priority, next_attempt_at, sequence
LIMIT %(most)s
