-- One page of the events of reactions that meet the conditions and can be replayed, with their states,
-- the first ones first. In: ids, or NULL; fingerprint, event_type, since and until, or NULL; dead_letters;
-- unrouted; after, page. Out: also whether a route takes it now, the sequence of the event, and its place.
-- Events that are done are only returned if they are named. What waits for its time and never failed counts
-- as pending.
SELECT
    ledger.event_id,
    typed.event_type,
    CASE WHEN ledger.state = 'waiting' AND ledger.failures = 0 THEN 'pending' ELSE ledger.state END,
    coalesce(letter.error_class, ledger.error_class),
    coalesce(letter.message, ledger.reason),
    EXISTS (
        SELECT FROM fanout.reaction_routes AS route
        WHERE route.event_type = typed.event_type AND event.payload @> route.condition
    ),
    event.sequence,
    ledger.sequence
FROM fanout.reactions AS ledger
LEFT JOIN reactions.events AS event ON event.id = ledger.event_id
LEFT JOIN public.event_dead_letters AS letter ON letter.letter_key = 'events:' || ledger.event_id
-- The ledger has no type of an event whose column was empty when it was found.
CROSS JOIN LATERAL (
    VALUES (coalesce(nullif(ledger.event_type, ''), event.event_type, ''))
) AS typed (event_type)
WHERE ledger.sequence > %(after)s
    AND (
        ledger.event_id = ANY (%(ids)s::uuid[])
        OR %(ids)s::uuid[] IS NULL AND (
            ledger.state IN ('dead', 'unrouted') OR ledger.state = 'waiting' AND ledger.failures > 0
        )
    )
    AND (
        %(fingerprint)s::text IS NULL
        OR letter.fingerprint = %(fingerprint)s AND letter.resolved_at IS NULL
    )
    AND (NOT %(dead_letters)s OR ledger.state = 'dead' AND letter.resolved_at IS NULL)
    AND (NOT %(unrouted)s OR ledger.state = 'unrouted')
    AND (%(event_type)s::text IS NULL OR typed.event_type = %(event_type)s)
    AND (
        %(since)s::timestamptz IS NULL
        OR coalesce(event.created_at, ledger.created_at) >= %(since)s
    )
    AND (
        %(until)s::timestamptz IS NULL
        OR coalesce(event.created_at, ledger.created_at) < %(until)s
    )
ORDER BY ledger.sequence
LIMIT %(page)s
