-- The states of these events since a replay started. No row for an event that has not ended
-- since then.
--
-- In: ids, and the replay. The database recorded its start, so only one clock counts.
-- Out: id, the final state or 'paused', and for a dead event the fingerprint, class, stage and message
-- of its letter. An event is paused while a switch holds its type back. The states completed and
-- paused count at any time. An event whose row was deleted has no state in the ledger, only a letter.
SELECT asked.id,
       coalesce(ledger.processing_status, 'dead'),
       letter.fingerprint, letter.error_class, letter.stage, letter.message
FROM public.fanout_replays AS replay
CROSS JOIN unnest(%(ids)s::bigint[]) AS asked (id)
LEFT JOIN public.notification_processing AS ledger
    ON ledger.event_id = asked.id
    AND (
        ledger.processing_status = 'completed'
        OR ledger.processing_status IN ('expired', 'unrouted', 'dead')
        AND ledger.completed_at > replay.started_at
        OR ledger.processing_status = 'paused'
        AND EXISTS (SELECT FROM fanout.switches WHERE name = ledger.event_type)
    )
LEFT JOIN public.event_dead_letters AS letter
    ON letter.letter_key = 'event:' || asked.id AND letter.resolved_at IS NULL
WHERE replay.id = %(replay)s
AND (ledger.event_id IS NOT NULL OR letter.last_seen_at > replay.started_at)
