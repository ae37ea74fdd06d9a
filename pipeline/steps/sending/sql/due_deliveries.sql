-- The deliveries that are due, for a dry run: a page, the most urgent first. Nothing is claimed.
-- In: channels; after: the cursor of the last row of the page before, or NULL; most.
SELECT sequence, id, cause, channel, recipient, kind, user_id, source, source_id, priority, created_at,
    expires_at, ages_while_paused, source_taken_at, provider, asked_at, unanswered, batch_id,
    error_class, collapse_key, deliver_at, attempts, failures, next_attempt_at AS due_at,
    jsonb_build_array(priority, next_attempt_at, sequence)::text AS cursor
FROM fanout.deliveries AS record
WHERE channel = ANY (%(channels)s) AND state IN ('pending', 'waiting', 'leased')
    AND next_attempt_at <= now()
    -- What a switch holds back, a run pauses first.
    AND NOT EXISTS (SELECT FROM fanout.switches AS switch WHERE switch.name = record.switch)
    AND (priority, next_attempt_at, sequence) > (
        coalesce((%(after)s::jsonb ->> 0)::int, -1),
        coalesce((%(after)s::jsonb ->> 1)::timestamptz, '-infinity'),
        coalesce((%(after)s::jsonb ->> 2)::bigint, -1)
    )
ORDER BY priority, next_attempt_at, sequence
LIMIT %(most)s
