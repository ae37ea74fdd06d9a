-- The one way in for transactional mails.
--
-- Errors name the parameter and never its value. Nothing that a constraint checks is left to the
-- constraint: its error would show the row.
CREATE FUNCTION fanout.queue_notification(
    p_type text,
    p_recipient_email text,
    p_payload jsonb DEFAULT '{}',
    p_user_id uuid DEFAULT NULL,
    p_booking_id uuid DEFAULT NULL,
    p_dedupe_key text DEFAULT NULL,
    p_expires_at timestamptz DEFAULT NULL,
    p_priority text DEFAULT NULL,
    p_deliver_at timestamptz DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
DECLARE
    email CONSTANT text := btrim(p_recipient_email);
    is_link CONSTANT boolean := p_type = 'magic_link';
    -- A past time would put the mail before those that have waited longer.
    due_at CONSTANT timestamptz := greatest(p_deliver_at, now());
    -- What no address has: blanks, control characters, and what separates addresses in a header.
    part CONSTANT text := '[^][:space:][:cntrl:]@<>"(),:;\\.[]+';
    ends_at timestamptz := p_expires_at;
    hours integer := 24;
    rank smallint;
    named text;
    queued uuid;
BEGIN
    IF p_type IS NULL OR p_type !~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$' THEN
        RAISE invalid_parameter_value USING MESSAGE =
            'invalid p_type: expected the name of a type of mail, such as magic_link';
    END IF;
    IF email IS NULL
        OR length(email) > 320
        OR email !~ ('^' || part || '(\.' || part || ')*@' || part || '(\.' || part || ')+$')
    THEN
        RAISE invalid_parameter_value USING MESSAGE =
            'invalid p_recipient_email: expected an address such as name@host.example';
    END IF;
    IF p_payload IS NULL OR jsonb_typeof(p_payload) <> 'object' THEN
        RAISE invalid_parameter_value USING MESSAGE =
            'invalid p_payload: expected a JSON object, such as {}';
    END IF;
    IF octet_length(p_payload::text) > 65536 THEN
        RAISE invalid_parameter_value USING MESSAGE =
            'invalid p_payload: expected at most 65536 bytes';
    END IF;
    IF p_dedupe_key IS NOT NULL AND length(p_dedupe_key) NOT BETWEEN 1 AND 500 THEN
        RAISE invalid_parameter_value USING MESSAGE =
            'invalid p_dedupe_key: expected 1 to 500 characters, or NULL';
    END IF;
    IF p_deliver_at NOT BETWEEN '2000-01-01 00:00:00+00' AND '9999-01-01 00:00:00+00' THEN
        RAISE invalid_parameter_value USING MESSAGE =
            'invalid p_deliver_at: expected a time between the years 2000 and 9999';
    END IF;
    IF p_expires_at NOT BETWEEN '2000-01-01 00:00:00+00' AND '9999-01-01 00:00:00+00' THEN
        RAISE invalid_parameter_value USING MESSAGE =
            'invalid p_expires_at: expected a time between the years 2000 and 9999';
    END IF;
    rank := CASE lower(p_priority)
        WHEN 'critical' THEN 0
        WHEN 'urgent' THEN 0
        WHEN 'high' THEN 1
        WHEN 'normal' THEN 2
        WHEN 'medium' THEN 2
        WHEN 'low' THEN 3
    END;
    IF p_priority IS NULL THEN
        rank := CASE WHEN is_link THEN 0 ELSE 2 END;
    ELSIF rank IS NULL THEN
        RAISE invalid_parameter_value USING MESSAGE =
            'invalid p_priority: expected critical, high, normal or low';
    END IF;

    -- A link works from the time it was made; every other mail has the time of its channel.
    IF ends_at IS NULL AND is_link THEN
        IF p_payload ->> 'valid_hours' ~ '^\s*[0-9]{1,4}(\.0+)?\s*$'
            AND (p_payload ->> 'valid_hours')::numeric BETWEEN 1 AND 8760
        THEN
            hours := (p_payload ->> 'valid_hours')::numeric;
        END IF;
        ends_at := now() + make_interval(hours => hours);
    ELSIF ends_at IS NULL THEN
        ends_at := due_at + coalesce(
            (SELECT max_age FROM fanout.channels WHERE channel = 'email'), interval '24 hours');
    END IF;
    IF p_deliver_at >= ends_at THEN
        RAISE invalid_parameter_value USING MESSAGE =
            'invalid p_deliver_at: expected a time before the mail expires, see p_expires_at';
    END IF;

    -- Hashed with our own key: it may hold an address, and many people read causes.
    IF p_dedupe_key IS NULL THEN
        named := gen_random_uuid()::text;
    ELSE
        SELECT encode(sha256(key || convert_to(p_type || chr(10) || p_dedupe_key, 'UTF8')), 'hex')
        INTO STRICT named
        FROM fanout.address_key;
    END IF;
    named := 'queue_notification:' || named;
    queued := fanout.delivery_id(named, 'email', fanout.address_hash(email));

    -- With the same dedupe key at the same time, one waits here for the other's transaction.
    INSERT INTO fanout.deliveries (
        id, cause, channel, recipient, kind, user_id, source, source_id,
        priority, deliver_at, next_attempt_at, expires_at, ages_while_paused
    )
    VALUES (
        queued, named, 'email', fanout.address_hash(email), p_type, p_user_id,
        'transactional_mails', queued::text,
        rank, due_at, due_at, ends_at, is_link OR p_expires_at IS NOT NULL
    )
    ON CONFLICT (id) DO NOTHING;
    IF FOUND THEN
        INSERT INTO fanout.transactional_mails (delivery_id, booking_id, address, payload)
        VALUES (queued, p_booking_id, email, p_payload);
    END IF;
    RETURN queued;
END
$$;

COMMENT ON FUNCTION fanout.queue_notification(
    text, text, jsonb, uuid, uuid, text, timestamptz, text, timestamptz
) IS 'queues a transactional mail and returns its id; with a dedupe key, the id of the first';

REVOKE ALL ON FUNCTION fanout.queue_notification(
    text, text, jsonb, uuid, uuid, text, timestamptz, text, timestamptz
) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fanout.queue_notification(
    text, text, jsonb, uuid, uuid, text, timestamptz, text, timestamptz
) TO fanout_producer;

-- For applications that call it without a schema: in public, where nothing has the name yet. The owner
-- calls this once.
CREATE FUNCTION fanout.offer_queue_notification() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    grantee regrole;
BEGIN
    IF EXISTS (
        SELECT FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
            AND proname = 'queue_notification'
            AND prosrc NOT LIKE '%fanout.queue_notification(%'
    ) THEN
        RAISE EXCEPTION 'public.queue_notification exists already and is not ours'
        USING ERRCODE = 'duplicate_function',
            HINT = 'call fanout.queue_notification, or rename the other function first';
    END IF;
    CREATE OR REPLACE FUNCTION public.queue_notification(
        p_type text,
        p_recipient_email text,
        p_payload jsonb DEFAULT '{}',
        p_user_id uuid DEFAULT NULL,
        p_booking_id uuid DEFAULT NULL,
        p_dedupe_key text DEFAULT NULL,
        p_expires_at timestamptz DEFAULT NULL,
        p_priority text DEFAULT NULL,
        p_deliver_at timestamptz DEFAULT NULL
    ) RETURNS uuid
    LANGUAGE sql SET search_path = pg_catalog
    AS 'SELECT fanout.queue_notification($1, $2, $3, $4, $5, $6, $7, $8, $9)';
    -- Not only from PUBLIC: on some platforms whatever is new in public is granted to visitors.
    REVOKE ALL ON FUNCTION public.queue_notification FROM PUBLIC;
    FOR grantee IN
        SELECT acl.grantee::regrole
        FROM pg_proc, aclexplode(proacl) AS acl
        WHERE pronamespace = 'public'::regnamespace
            AND proname = 'queue_notification'
            AND acl.grantee NOT IN (0, proowner)
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION public.queue_notification FROM %s', grantee);
    END LOOP;
    GRANT EXECUTE ON FUNCTION public.queue_notification TO fanout_producer;
END
$$;
REVOKE ALL ON FUNCTION fanout.offer_queue_notification() FROM PUBLIC;
