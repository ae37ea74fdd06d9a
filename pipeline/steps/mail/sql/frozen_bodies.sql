-- What was frozen for deliveries in an earlier try. In: ids. Out: id, provider and body.
SELECT delivery_id, provider, body FROM fanout.delivery_bodies WHERE delivery_id = ANY (%(ids)s)
