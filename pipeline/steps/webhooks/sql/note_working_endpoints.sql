-- Note that endpoints took a webhook, at most every ten seconds. In: ids.
UPDATE fanout.webhook_endpoints SET worked_at = now()
WHERE id = ANY (%(ids)s::uuid[]) AND (worked_at IS NULL OR worked_at < now() - interval '10 seconds')
