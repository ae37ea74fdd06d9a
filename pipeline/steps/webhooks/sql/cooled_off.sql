-- The endpoints whose breakers have cooled off, and for which something is held back.
-- In: prefix of the names of their switches. Out: recipient.
SELECT substr(switch.name, length(%(prefix)s) + 1)
FROM fanout.switches AS switch
WHERE starts_with(switch.name, %(prefix)s) AND switch.state = 'open' AND switch.until <= now()
    AND EXISTS (
        SELECT FROM fanout.deliveries
        WHERE channel = 'webhook' AND state = 'paused'
            AND recipient = substr(switch.name, length(%(prefix)s) + 1)
    )
    AND EXISTS (
        SELECT FROM fanout.webhook_endpoints AS endpoint
        WHERE %(prefix)s || endpoint.id::text = switch.name AND endpoint.disabled_at IS NULL
    )
