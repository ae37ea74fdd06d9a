-- Events that have ended, and whose column "processed" says otherwise: somebody set it back. Out: how
-- many, and the id of one. First what is not processed: nearly every row of the ledger has ended.
WITH open AS MATERIALIZED (
    SELECT id FROM reactions.events WHERE processed IS NOT TRUE
)
SELECT count(*) AS events, min(open.id::text)::uuid AS sample
FROM open
JOIN fanout.reactions AS ledger ON ledger.event_id = open.id
WHERE ledger.state IN ('done', 'dead')
