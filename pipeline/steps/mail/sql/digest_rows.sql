-- Which rows of pending_emails digests tell, the oldest first. In: ids of deliveries.
-- Out: the digest, the row, why it was left out so far, and whether the mail was frozen for a provider,
-- which gets the same mail again. Rows are left out here that the application deleted or ended itself.
SELECT told.delivery_id, told.email_id, told.left_out, EXISTS (
    SELECT FROM fanout.delivery_bodies WHERE delivery_id = told.delivery_id OFFSET 0
)
FROM unnest(%(ids)s::uuid[]) AS asked (id)
CROSS JOIN LATERAL (
    SELECT * FROM fanout.digest_rows WHERE delivery_id = asked.id OFFSET 0
) AS told
CROSS JOIN LATERAL (
    SELECT created_at
    FROM public.pending_emails
    WHERE id = told.email_id AND status = 'processing'
    OFFSET 0
) AS email
ORDER BY told.delivery_id, email.created_at, told.email_id
