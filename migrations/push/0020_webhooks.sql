-- Webhooks: endpoints of other systems, the event types that they hear of, and their secrets.

CREATE TABLE fanout.webhook_endpoints (
    id              uuid PRIMARY KEY,
    name            text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    url             text NOT NULL CHECK (octet_length(url) BETWEEN 8 AND 2000),
    with_payload    boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      text NOT NULL DEFAULT session_user,
    worked_at       timestamptz,
    disabled_at     timestamptz,
    disabled_reason text,
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);

COMMENT ON COLUMN fanout.webhook_endpoints.id IS
    'the recipient of its deliveries';
COMMENT ON COLUMN fanout.webhook_endpoints.url IS
    'may hold a token of the endpoint: the viewer does not read it';
COMMENT ON COLUMN fanout.webhook_endpoints.with_payload IS
    'whether it gets the payload of events beside their ids';
COMMENT ON COLUMN fanout.webhook_endpoints.worked_at IS
    'when it last took a webhook, to ten seconds';
COMMENT ON COLUMN fanout.webhook_endpoints.disabled_at IS
    'since when it gets nothing: a person disabled it, or it answered 410';

CREATE TABLE fanout.webhook_subscriptions (
    event_type  text NOT NULL CHECK (event_type <> ''),
    endpoint_id uuid NOT NULL REFERENCES fanout.webhook_endpoints (id) ON DELETE CASCADE,
    since       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_type, endpoint_id)
);
CREATE INDEX webhook_subscriptions_endpoint_idx ON fanout.webhook_subscriptions (endpoint_id);

COMMENT ON COLUMN fanout.webhook_subscriptions.event_type IS
    'of domain_events; * for every type';
COMMENT ON COLUMN fanout.webhook_subscriptions.since IS
    'events that are older are not told';

-- An endpoint has two while they are rotated: messages are signed with both.
CREATE TABLE fanout.webhook_secrets (
    id          uuid PRIMARY KEY,
    endpoint_id uuid NOT NULL REFERENCES fanout.webhook_endpoints (id) ON DELETE CASCADE,
    sealed      bytea,
    name        text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    retires_at  timestamptz,
    CHECK ((sealed IS NULL) <> (name IS NULL))
);
CREATE INDEX webhook_secrets_endpoint_idx ON fanout.webhook_secrets (endpoint_id);

COMMENT ON COLUMN fanout.webhook_secrets.sealed IS
    'encrypted with WEBHOOK_KEY, for this endpoint; only fanout_push reads it';
COMMENT ON COLUMN fanout.webhook_secrets.name IS
    'of the secret in Secret Manager, in place of the secret';
COMMENT ON COLUMN fanout.webhook_secrets.retires_at IS
    'from when on nothing is signed with it; NULL: it is the one to use';

-- For each endpoint: what may be taken, what came due first first. A slow endpoint has a queue of its own.
CREATE INDEX deliveries_of_endpoint_idx
    ON fanout.deliveries (recipient, priority, next_attempt_at, sequence)
    WHERE channel = 'webhook' AND state IN ('pending', 'waiting', 'leased');

-- The operator asks for a signed message without being able to read a secret: the push graph sends it.
-- Returns the id of its delivery; NULL if there is no such endpoint.
CREATE FUNCTION fanout.ping_webhook(endpoint uuid) RETURNS uuid
LANGUAGE sql STRICT SECURITY DEFINER SET search_path = pg_catalog
AS $$
    INSERT INTO fanout.deliveries (
        id, cause, channel, recipient, kind, source, source_id, priority, expires_at
    )
    SELECT fanout.delivery_id('webhook_pings:' || ping.id, 'webhook', known.id::text),
           'webhook_pings:' || ping.id, 'webhook', known.id::text, 'webhook.ping',
           'webhook_pings', ping.id::text, 1, now() + interval '10 minutes'
    FROM fanout.webhook_endpoints AS known, (SELECT gen_random_uuid() AS id OFFSET 0) AS ping
    WHERE known.id = endpoint
    RETURNING id
$$;
REVOKE ALL ON FUNCTION fanout.ping_webhook(uuid) FROM PUBLIC;

-- The one way for the push graph to a payload: through a delivery that it holds a lease on, to an
-- endpoint that may have it.
CREATE FUNCTION fanout.webhook_payloads(wanted uuid[])
RETURNS TABLE (delivery_id uuid, payload text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    RETURN QUERY
        SELECT delivery.id, event.payload::text
        FROM fanout.deliveries AS delivery
        JOIN fanout.webhook_endpoints AS endpoint ON endpoint.id::text = delivery.recipient
        JOIN public.domain_events AS event ON event.id = delivery.source_id::bigint
        WHERE delivery.id = ANY (wanted)
            AND delivery.channel = 'webhook'
            AND delivery.source = 'domain_events'
            AND delivery.state = 'leased'
            AND endpoint.with_payload
            AND endpoint.disabled_at IS NULL;
END
$$;
REVOKE ALL ON FUNCTION fanout.webhook_payloads(uuid[]) FROM PUBLIC;

-- Who sends: reads everything, and disables an endpoint that is gone.
GRANT SELECT, UPDATE (worked_at, disabled_at, disabled_reason)
    ON fanout.webhook_endpoints TO fanout_push;
GRANT SELECT ON fanout.webhook_secrets TO fanout_push;
GRANT EXECUTE ON FUNCTION fanout.webhook_payloads(uuid[]) TO fanout_push;

-- The fan-out writes the deliveries of its events, in its own statement.
GRANT SELECT (id, disabled_at) ON fanout.webhook_endpoints TO fanout_writer;
GRANT SELECT ON fanout.webhook_subscriptions TO fanout_writer;

-- The operator manages endpoints. It writes secrets and never reads one.
GRANT SELECT, INSERT (id, name, url, with_payload), DELETE,
    UPDATE (disabled_at, disabled_reason)
    ON fanout.webhook_endpoints TO fanout_operator;
GRANT SELECT, INSERT (event_type, endpoint_id)
    ON fanout.webhook_subscriptions TO fanout_operator;
GRANT SELECT (id, endpoint_id, name, created_at, retires_at),
    INSERT (id, endpoint_id, sealed, name), UPDATE (retires_at), DELETE
    ON fanout.webhook_secrets TO fanout_operator;
GRANT SELECT (name), DELETE ON fanout.rate_limits TO fanout_operator;
GRANT EXECUTE ON FUNCTION fanout.ping_webhook(uuid) TO fanout_operator;

-- The viewer sees to whom an event was told.
GRANT SELECT (id, name) ON fanout.webhook_endpoints TO fanout_viewer;

-- 0032 of the fan-out calls the function too: whichever family comes last, the rest is done then.
CREATE FUNCTION fanout.join_webhooks_to_fanout() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF to_regclass('public.notification_processing') IS NOT NULL THEN
        GRANT SELECT (
            id, event_type, actor_id, project_id, resource_id, thread_id, meeting_id, created_at
        ) ON public.domain_events TO fanout_push;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION fanout.join_webhooks_to_fanout() FROM PUBLIC;
SELECT fanout.join_webhooks_to_fanout();
