-- Webhooks also tell of events of the family reactions that a route sends to an endpoint.

-- The one way for the push graph to these events: through a delivery that it holds a lease on. The payload
-- is NULL for an endpoint that may not have it. The table of events may not exist: then there is no delivery.
CREATE FUNCTION fanout.webhook_reactions(wanted uuid[])
RETURNS TABLE (
    delivery_id uuid, event_id uuid, event_type text, aggregate_type text, aggregate_id uuid,
    event_at timestamptz, payload text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    RETURN QUERY
        SELECT delivery.id, event.id, event.event_type::text, event.aggregate_type::text,
               event.aggregate_id,
               CASE WHEN isfinite(event.created_at) THEN event.created_at
                    ELSE delivery.created_at END,
               CASE WHEN endpoint.with_payload THEN event.payload::text END
        FROM fanout.deliveries AS delivery
        JOIN fanout.webhook_endpoints AS endpoint ON endpoint.id::text = delivery.recipient
        JOIN reactions.events AS event ON event.id = delivery.source_id::uuid
        WHERE delivery.id = ANY (wanted)
            AND delivery.channel = 'webhook'
            AND delivery.source = 'events'
            AND delivery.state = 'leased'
            AND endpoint.disabled_at IS NULL;
END
$$;
REVOKE ALL ON FUNCTION fanout.webhook_reactions(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fanout.webhook_reactions(uuid[]) TO fanout_push;
