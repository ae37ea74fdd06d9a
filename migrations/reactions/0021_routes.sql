-- Routes: events that fulfil a condition go to another handler, to nobody or to a webhook endpoint.

CREATE TABLE fanout.reaction_routes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_type  text NOT NULL CHECK (event_type <> ''),
    condition   jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(condition) = 'object'),
    to_kind     text NOT NULL CHECK (to_kind IN ('handler', 'nobody', 'webhook')),
    target      text,
    endpoint_id uuid,
    place    int NOT NULL CHECK (place > 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    created_by  text NOT NULL DEFAULT session_user,
    reason      text,
    CHECK ((target IS NULL) = (to_kind = 'nobody')),
    CHECK ((endpoint_id IS NULL) = (to_kind <> 'webhook')),
    UNIQUE (event_type, place)
);

COMMENT ON TABLE fanout.reaction_routes IS
    'the first route of a type, by place, whose condition the payload of an event contains, decides where it goes';
COMMENT ON COLUMN fanout.reaction_routes.target IS
    'the event type of a handler, or the name of an endpoint';

ALTER TABLE fanout.reactions ADD COLUMN route text;
COMMENT ON COLUMN fanout.reactions.route IS
    'the route that an event took, in words; NULL: none';

-- What is sent to webhook endpoints. The family push may not be installed, so that this table is our own.
CREATE TABLE fanout.reaction_webhooks (
    event_id    uuid NOT NULL,
    event_type  text NOT NULL,
    endpoint_id uuid NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, endpoint_id)
);
COMMENT ON TABLE fanout.reaction_webhooks IS
    'the events that a route sent to an endpoint; a trigger makes their deliveries';

-- Makes the delivery of each new row. The role that processes events has no right on deliveries.
CREATE FUNCTION fanout.deliver_reactions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    IF EXISTS (SELECT FROM added) THEN
        INSERT INTO fanout.deliveries (
            id, cause, channel, recipient, kind, source, source_id, expires_at
        )
        SELECT fanout.delivery_id('events:' || event_id, 'webhook', endpoint_id::text),
               'events:' || event_id, 'webhook', endpoint_id::text, event_type,
               'events', event_id::text,
               now() + (SELECT max_age FROM fanout.channels WHERE channel = 'webhook')
        FROM added
        ORDER BY 1
        ON CONFLICT (id) DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION fanout.deliver_reactions() FROM PUBLIC;
CREATE TRIGGER deliver_reactions AFTER INSERT ON fanout.reaction_webhooks
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fanout.deliver_reactions();

GRANT SELECT (id, event_type, condition, to_kind, target, endpoint_id, place)
    ON fanout.reaction_routes TO fanout_reactions;
GRANT UPDATE (route) ON fanout.reactions TO fanout_reactions;
GRANT SELECT (event_id, endpoint_id), INSERT (event_id, event_type, endpoint_id)
    ON fanout.reaction_webhooks TO fanout_reactions;
GRANT SELECT, INSERT (event_type, condition, to_kind, target, endpoint_id, place, reason), DELETE
    ON fanout.reaction_routes TO fanout_operator;
