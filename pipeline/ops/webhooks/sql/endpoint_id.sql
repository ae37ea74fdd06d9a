-- The id of an endpoint. In: name.
SELECT id FROM fanout.webhook_endpoints WHERE name = %(name)s
