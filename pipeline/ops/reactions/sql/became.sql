-- The states of these events of reactions since a replay. No row for an event that has not ended since
-- then. In: replay, ids. Out: as pipeline/ops/replay/sql/became.sql says.
SELECT
    ledger.event_id,
    CASE ledger.state WHEN 'done' THEN 'completed' ELSE ledger.state END,
    letter.fingerprint,
    coalesce(letter.error_class, ledger.error_class),
    coalesce(letter.stage, 'react'),
    coalesce(letter.message, ledger.reason)
FROM unnest(%(ids)s::uuid[]) AS asked (id)
JOIN fanout.reactions AS ledger ON ledger.event_id = asked.id
LEFT JOIN public.event_dead_letters AS letter ON letter.letter_key = 'events:' || asked.id
WHERE ledger.replay_id = %(replay)s::uuid
    AND (
        ledger.state IN ('done', 'dead', 'unrouted')
        OR ledger.state = 'paused'
        AND EXISTS (SELECT FROM fanout.switches WHERE name = ledger.event_type)
    )
