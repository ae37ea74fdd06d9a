-- One event of reactions: its row, how it stands in the ledger, and what holds it back. In: reaction, its id.
-- Others write the table of events, so a time that no program can read is NULL.
SELECT
    coalesce(event.id, ledger.event_id) AS id,
    coalesce(event.event_type, ledger.event_type, '')::text AS type,
    event.id IS NULL AS is_deleted,
    CASE WHEN event.created_at > '0001-01-02' AND event.created_at < '9999-01-01'
        THEN event.created_at END AS created_at,
    event.aggregate_type::text,
    event.aggregate_id::text,
    event.created_by::text,
    coalesce(event.processed, false) AS is_processed,
    ledger.event_id IS NULL
        AND coalesce(event.sequence <= (SELECT last_sequence FROM fanout.reaction_marks), false)
        AS is_past,
    ledger.state,
    ledger.created_at AS found_at,
    ledger.attempts,
    ledger.failures,
    ledger.next_attempt_at,
    ledger.finished_at,
    ledger.error_class,
    ledger.reason,
    ledger.route,
    ledger.cause,
    (SELECT event_type FROM fanout.reactions WHERE event_id = ledger.cause) AS cause_type,
    ledger.replayed_at,
    replay.who AS replayed_by,
    replay.note AS replay_note,
    switch.state AS switch_state,
    switch.reason AS switch_reason,
    switch.who AS switch_who,
    switch.until AS switch_until,
    before.event_id AS waits_for
FROM (VALUES (%(reaction)s::uuid)) AS asked (id)
LEFT JOIN reactions.events AS event ON event.id = asked.id
LEFT JOIN fanout.reactions AS ledger ON ledger.event_id = asked.id
LEFT JOIN public.fanout_replays AS replay ON replay.id = ledger.replay_id
LEFT JOIN fanout.switches AS switch ON switch.name = coalesce(ledger.event_type, event.event_type)
LEFT JOIN LATERAL (
    SELECT earlier.event_id
    FROM fanout.reactions AS earlier
    WHERE ledger.state IN ('pending', 'waiting', 'paused')
        AND earlier.order_key = ledger.order_key
        AND earlier.event_id <> ledger.event_id
        AND earlier.state IN ('pending', 'waiting', 'leased', 'paused')
        AND (earlier.ordinal < ledger.ordinal OR earlier.state = 'leased')
    ORDER BY earlier.ordinal
    LIMIT 1
) AS before ON true
WHERE event.id IS NOT NULL OR ledger.event_id IS NOT NULL
