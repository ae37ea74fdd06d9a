-- The mails that are due, for a dry run: nothing is claimed. In: most.
SELECT sequence, id, cause, kind, user_id, source, source_id, priority, attempts, failures,
    next_attempt_at AS due_at, provider, asked_at, unanswered, batch_id, error_class, expires_at,
    ages_while_paused
FROM fanout.deliveries
WHERE channel = 'email' AND state IN ('pending', 'waiting') AND next_attempt_at <= now()
ORDER BY priority, next_attempt_at, sequence
LIMIT %(most)s
