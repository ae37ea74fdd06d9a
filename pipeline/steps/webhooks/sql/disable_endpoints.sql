-- Disable endpoints that answered 410. In: ids. Out: the names of those that were enabled.
UPDATE fanout.webhook_endpoints SET disabled_at = now(), disabled_reason = 'it answered 410 Gone'
WHERE id = ANY (%(ids)s::uuid[]) AND disabled_at IS NULL
RETURNING name
