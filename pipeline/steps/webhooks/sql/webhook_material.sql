-- To whom claimed webhooks go. In: ids of deliveries.
-- Out: one row for each whose endpoint exists: whether it is disabled, whether the delivery is too old,
-- whether the endpoint took others since it was made, the address, and the secrets, newest first.
SELECT
    delivery.id AS delivery_id,
    endpoint.id AS endpoint,
    endpoint.disabled_at IS NOT NULL AS disabled,
    coalesce(delivery.expires_at <= now(), false) AS expired,
    coalesce(endpoint.worked_at > delivery.created_at, false) AS worked_since,
    endpoint.url,
    endpoint.with_payload,
    secrets.sealed,
    secrets.names
FROM fanout.deliveries AS delivery
JOIN fanout.webhook_endpoints AS endpoint ON endpoint.id::text = delivery.recipient
CROSS JOIN LATERAL (
    SELECT array_agg(sealed ORDER BY created_at DESC, id) AS sealed,
           array_agg(name ORDER BY created_at DESC, id) AS names
    FROM fanout.webhook_secrets
    WHERE endpoint_id = endpoint.id AND (retires_at IS NULL OR retires_at > now())
) AS secrets
WHERE delivery.id = ANY (%(ids)s)
