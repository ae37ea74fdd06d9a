-- Whether an event has ended. In: id. Out: no row if there is no such event.
SELECT event.processed IS TRUE OR coalesce(ledger.state IN ('done', 'dead'), false)
FROM reactions.events AS event
LEFT JOIN fanout.reactions AS ledger ON ledger.event_id = event.id
WHERE event.id = %(id)s
