-- What became of these events since a replay began; one that has not ended since then is left out.
--
-- In: ids, and the replay, whose start the database itself has recorded: no other clock is asked.
-- Out: id, the state, final or 'paused', and of a dead one the fingerprint, class, stage and words of its letter.
-- An event waits as paused while a switch holds its type back, however long it has done so.
-- What is completed was so before or is it now, and stays so. An event whose row was deleted has no
-- state in the ledger, only a letter.
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
