-- Broadcasts: what is told to everyone, or to all who follow a topic.

CREATE TABLE fanout.broadcasts (
    id         uuid PRIMARY KEY,
    audience   text NOT NULL CHECK (
        audience = 'everyone' OR audience ~ '^topic:[A-Za-z0-9_.~%-]{1,200}$'),
    title      text NOT NULL CHECK (title ~ '\S' AND length(title) <= 200),
    body       text NOT NULL CHECK (length(body) <= 2000),
    link       text CHECK (length(link) <= 2000),
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE fanout.broadcasts IS
    'what was told to many at once; fanout.deliveries says how it went, by the cause broadcasts:<id>';

-- Write a broadcast, its audit row, and a delivery for each way out that is switched on. The same id
-- again writes nothing: a broadcast goes out once. A dry run writes nothing either. Returns the ways.
CREATE FUNCTION fanout.send_broadcast(
    broadcast uuid, to_audience text, new_title text, new_body text, new_link text,
    new_priority smallint, dry_run boolean
) RETURNS TABLE (channel text, recipient text, is_new boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
#variable_conflict use_column
DECLARE
    ways record;
    written bigint;
BEGIN
    IF NOT dry_run THEN
        INSERT INTO fanout.broadcasts (id, audience, title, body, link)
        VALUES (broadcast, to_audience, new_title, new_body, new_link)
        ON CONFLICT (id) DO NOTHING;
        GET DIAGNOSTICS written = ROW_COUNT;
    END IF;
    IF written > 0 THEN
        INSERT INTO fanout.audit (id, who, identity, action, target, finished_at, result)
        VALUES (
            gen_random_uuid(), session_user, 'login', 'broadcast',
            'broadcast=' || broadcast || ' audience=' || to_audience, now(), 'written');
    END IF;
    FOR ways IN
        SELECT switched.channel, switched.max_age, CASE
            WHEN to_audience <> 'everyone' THEN to_audience
            WHEN switched.channel = 'bus' THEN 'topic:global_notifications'
            ELSE 'topic:all'
        END AS recipient
        FROM fanout.channels AS switched
        WHERE switched.channel IN ('bus', 'fcm')
        ORDER BY 1
    LOOP
        IF written > 0 THEN
            INSERT INTO fanout.deliveries (
                id, cause, channel, recipient, kind, source, source_id, priority, expires_at
            )
            VALUES (
                fanout.delivery_id('broadcasts:' || broadcast, ways.channel, ways.recipient),
                'broadcasts:' || broadcast, ways.channel, ways.recipient, 'broadcast',
                'broadcasts', broadcast::text, new_priority, now() + ways.max_age
            );
        END IF;
        channel := ways.channel;
        recipient := ways.recipient;
        is_new := coalesce(written > 0, true);
        RETURN NEXT;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION
    fanout.send_broadcast(uuid, text, text, text, text, smallint, boolean) FROM PUBLIC;

GRANT USAGE ON SCHEMA fanout TO fanout_broadcaster;
GRANT EXECUTE ON FUNCTION
    fanout.send_broadcast(uuid, text, text, text, text, smallint, boolean) TO fanout_broadcaster;
GRANT SELECT (id, title, body, link) ON fanout.broadcasts TO fanout_push;
