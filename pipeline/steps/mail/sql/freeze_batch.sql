-- Freeze a request for several mails. In: batch, provider, key, members in order, body.
INSERT INTO fanout.batch_requests (id, provider, key, members, body, asked_at)
VALUES (%(batch)s, %(provider)s, %(key)s, %(members)s, %(body)s, now())
ON CONFLICT (id) DO NOTHING
