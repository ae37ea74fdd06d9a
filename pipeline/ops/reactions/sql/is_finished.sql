-- Whether an event has ended. In: id. Out: no row if there is no such event. Up to the mark of retention, one
-- without a row in the ledger never runs again.
SELECT event.processed IS TRUE OR coalesce(
    ledger.state IN ('done', 'dead'),
    event.sequence <= (SELECT last_sequence FROM fanout.reaction_marks),
    false
)
FROM reactions.events AS event
LEFT JOIN fanout.reactions AS ledger ON ledger.event_id = event.id
WHERE event.id = %(id)s
