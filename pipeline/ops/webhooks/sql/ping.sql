-- Ask for a signed message to an endpoint. In: name.
-- Out: whether the endpoint is disabled, and the id of the delivery if it is not.
SELECT
    endpoint.disabled_at IS NOT NULL AS disabled,
    CASE WHEN endpoint.disabled_at IS NULL THEN fanout.ping_webhook(endpoint.id) END AS delivery_id
FROM fanout.webhook_endpoints AS endpoint
WHERE endpoint.name = %(name)s
