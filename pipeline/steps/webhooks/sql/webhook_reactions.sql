-- The events of reactions that claimed webhooks tell of. In: ids of deliveries. Out: a row for each whose
-- event exists; the payload only for an endpoint that may have it.
SELECT
    delivery_id, event_id, event_type, aggregate_type, aggregate_id,
    to_char(event_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, payload
FROM fanout.webhook_reactions(%(ids)s)
