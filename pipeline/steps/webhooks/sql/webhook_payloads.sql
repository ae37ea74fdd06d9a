-- The payloads of claimed webhooks, for the endpoints that may have them. In: ids of deliveries.
SELECT delivery_id, payload FROM fanout.webhook_payloads(%(ids)s)
