-- Take the rows of pending_emails of mails that are claimed for the first time, unless another
-- sender has taken them. In: ids of pending_emails. Out: for each row that exists, its id and
-- whether it is ours now; NULL: another session has locked it.
WITH locked AS MATERIALIZED (
    SELECT id, status
    FROM public.pending_emails
    WHERE id = ANY (%(ids)s::bigint[])
    ORDER BY id
    FOR UPDATE SKIP LOCKED
),
moved AS (
    UPDATE public.pending_emails AS email SET status = 'processing'
    FROM locked
    WHERE email.id = locked.id AND locked.status = 'pending'
    RETURNING email.id
)
SELECT email.id, CASE WHEN locked.id IS NOT NULL THEN moved.id IS NOT NULL END
FROM public.pending_emails AS email
LEFT JOIN locked ON locked.id = email.id
LEFT JOIN moved ON moved.id = email.id
WHERE email.id = ANY (%(ids)s::bigint[])
