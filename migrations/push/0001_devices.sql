-- Push: the roles, and the phones and browsers to which it is sent.
--
-- No table of an application is needed. Deliveries are in mail/0001, which both families apply.

-- As in kernel/0001: roles belong to the cluster.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['fanout_push', 'fanout_producer', 'fanout_broadcaster']
    LOOP
        CONTINUE WHEN to_regrole(wanted) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION '% may not create the role %', current_user, wanted
                USING HINT = format(
                    'have an administrator run CREATE ROLE %I NOLOGIN; then run migrate again',
                    wanted);
        END;
    END LOOP;
END
$$;

CREATE TABLE fanout.device_tokens (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id      uuid NOT NULL,
    platform     text NOT NULL CHECK (platform IN ('android', 'ios', 'web')),
    -- An index entry has at most 2,704 bytes.
    token        text NOT NULL UNIQUE CHECK (octet_length(token) BETWEEN 1 AND 2048),
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX device_tokens_user_idx ON fanout.device_tokens (user_id);

COMMENT ON TABLE fanout.device_tokens IS
    'the phones and browsers of people; a token that the provider does not know is deleted';
COMMENT ON COLUMN fanout.device_tokens.id IS
    'the recipient of a delivery; a device that changes hands gets a new one';
COMMENT ON COLUMN fanout.device_tokens.token IS
    'who has it can push to the device: only fanout_push reads it';
COMMENT ON COLUMN fanout.device_tokens.last_seen_at IS
    'when the app registered it last';

-- The app calls it at each start. A device belongs to whoever signed in on it last. Returns its id.
CREATE FUNCTION fanout.register_device(person uuid, device_platform text, device_token text)
RETURNS uuid
LANGUAGE sql STRICT SECURITY DEFINER SET search_path = pg_catalog
AS $$
    INSERT INTO fanout.device_tokens AS device (user_id, platform, token)
    VALUES (person, device_platform, device_token)
    ON CONFLICT (token) DO UPDATE SET
        -- With the id of the person before, what still waits for them would come to this device.
        id = CASE WHEN device.user_id = excluded.user_id THEN device.id ELSE excluded.id END,
        user_id = excluded.user_id,
        platform = excluded.platform,
        created_at = CASE
            WHEN device.user_id = excluded.user_id THEN device.created_at ELSE excluded.created_at
        END,
        last_seen_at = excluded.last_seen_at
    RETURNING id
$$;
REVOKE ALL ON FUNCTION fanout.register_device(uuid, text, text) FROM PUBLIC;

-- Called when a person signs out. Returns whether the device was known.
CREATE FUNCTION fanout.unregister_device(device_token text) RETURNS boolean
LANGUAGE sql STRICT SECURITY DEFINER SET search_path = pg_catalog
AS $$
    WITH gone AS (
        DELETE FROM fanout.device_tokens WHERE token = device_token RETURNING id
    )
    SELECT EXISTS (SELECT FROM gone)
$$;
REVOKE ALL ON FUNCTION fanout.unregister_device(text) FROM PUBLIC;

GRANT USAGE ON SCHEMA fanout TO fanout_producer;
GRANT EXECUTE ON FUNCTION
    fanout.register_device(uuid, text, text), fanout.unregister_device(text) TO fanout_producer;
