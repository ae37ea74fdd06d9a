-- Requests for several mails as they were frozen. In: ids of batches.
SELECT id, provider, key, members, body FROM fanout.batch_requests WHERE id = ANY (%(ids)s)
