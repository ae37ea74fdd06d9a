-- The digests that took pushes, and why one does not tell of the push. In: ids of deliveries.
SELECT delivery_id, left_out
FROM fanout.digest_pushes
WHERE push_id = ANY (%(deliveries)s::uuid[])
