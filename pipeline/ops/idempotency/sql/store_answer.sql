-- Stores the answer of the request that holds a key. In: caller, route, key, token, status, body.
UPDATE fanout.idempotency_keys
SET status = %(status)s, body = %(body)s
WHERE caller = %(caller)s AND route = %(route)s AND key = %(key)s AND token = %(token)s
