-- What transactional mails are made of, and whether they are still sent. In: ids of their deliveries.
--
-- People cannot leave these mails, so an address that left others still gets them.
SELECT mail.delivery_id, delivery.kind, mail.address, mail.payload,
    CASE WHEN suppressed.found THEN 'suppressed' END AS reason
FROM fanout.transactional_mails AS mail
JOIN fanout.deliveries AS delivery ON delivery.id = mail.delivery_id
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM fanout.suppressions
        WHERE address_hash = delivery.recipient AND reason <> 'unsubscribed'
        OFFSET 0
    ) AS found
) AS suppressed
WHERE mail.delivery_id = ANY (%(ids)s::uuid[]) AND mail.address IS NOT NULL
