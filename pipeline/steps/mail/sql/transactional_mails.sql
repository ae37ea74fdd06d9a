-- What transactional mails are made of. In: ids of their deliveries.
SELECT mail.delivery_id, delivery.kind, mail.address, mail.payload
FROM fanout.transactional_mails AS mail
JOIN fanout.deliveries AS delivery ON delivery.id = mail.delivery_id
WHERE mail.delivery_id = ANY (%(ids)s::uuid[]) AND mail.address IS NOT NULL
