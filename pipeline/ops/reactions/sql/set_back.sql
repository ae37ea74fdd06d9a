-- Events that have ended, and whose column "processed" says otherwise: somebody set it back. In: most.
-- Out: how many, at most that, and the id of one.
SELECT count(*) AS events, (array_agg(found.id))[1] AS sample
FROM (
    SELECT event.id
    FROM reactions.events AS event
    JOIN fanout.reactions AS ledger ON ledger.event_id = event.id
    WHERE event.processed IS NOT TRUE AND ledger.state IN ('done', 'dead')
    LIMIT %(most)s
) AS found
