-- The request that took a key, and its answer if there is one yet. In: caller, route, key.
SELECT request, status, body
FROM fanout.idempotency_keys
WHERE caller = %(caller)s AND route = %(route)s AND key = %(key)s
