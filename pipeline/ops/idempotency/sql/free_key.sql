-- Gives a key back whose request did nothing, so that it can be sent again. In: caller, route, key, token.
DELETE FROM fanout.idempotency_keys
WHERE caller = %(caller)s AND route = %(route)s AND key = %(key)s AND token = %(token)s
