-- Record which pushes digests do not tell, and why. In: sequences and tokens of their leases;
-- left_out: {id of a push: reason}, of all of them.
-- Only a digest whose lease is ours, so that nobody changes what another worker has frozen.
WITH ours AS MATERIALIZED (
    SELECT delivery.id
    FROM unnest(%(sequences)s::bigint[], %(tokens)s::uuid[]) AS given (sequence, token)
    JOIN fanout.deliveries AS delivery
        ON delivery.sequence = given.sequence AND delivery.lease_token = given.token
    WHERE delivery.state = 'leased'
    ORDER BY delivery.sequence
    FOR NO KEY UPDATE OF delivery
)
UPDATE fanout.digest_pushes AS told
SET left_out = %(left_out)s::jsonb ->> told.push_id::text
FROM ours
WHERE told.delivery_id = ours.id
AND told.left_out IS DISTINCT FROM %(left_out)s::jsonb ->> told.push_id::text
