-- Transactional mails: what the application asks for without an event, such as a link to sign in.

-- As in kernel/0001: roles belong to the cluster.
DO $$
BEGIN
    IF to_regrole('fanout_producer') IS NULL THEN
        CREATE ROLE fanout_producer NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION '% may not create the role fanout_producer', current_user
        USING HINT =
            'have an administrator run CREATE ROLE fanout_producer NOLOGIN; then run migrate again';
END
$$;

-- To whom, and with what: only the sender reads this. A payload is a secret, a link signs people in.
CREATE TABLE fanout.transactional_mails (
    delivery_id uuid PRIMARY KEY REFERENCES fanout.deliveries (id) ON DELETE CASCADE,
    booking_id  uuid,
    address     text,
    payload     jsonb,
    CHECK ((address IS NULL) = (payload IS NULL))
);

COMMENT ON COLUMN fanout.transactional_mails.address IS
    'to whom it goes; NULL once the delivery has ended';
COMMENT ON COLUMN fanout.transactional_mails.payload IS
    'what the mail is made of; NULL once the delivery has ended';

CREATE INDEX transactional_mails_booking_id_idx ON fanout.transactional_mails (booking_id)
    WHERE booking_id IS NOT NULL;

-- Nothing is sent after the end, so nothing needs the secret any more. Whoever ends a delivery, and in
-- whatever way, this goes with it.
CREATE FUNCTION fanout.drop_payload() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    UPDATE fanout.transactional_mails SET address = NULL, payload = NULL WHERE delivery_id = NEW.id;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION fanout.drop_payload() FROM PUBLIC;
CREATE TRIGGER drop_payload AFTER UPDATE OF state ON fanout.deliveries
    FOR EACH ROW
    WHEN (
        NEW.source = 'transactional_mails'
        AND NEW.state IN ('done', 'dead', 'cancelled', 'expired')
        AND OLD.state <> NEW.state
    )
    EXECUTE FUNCTION fanout.drop_payload();

-- When a mail is tried again after so many failed tries; NULL: never. 0, 60 and 300 seconds.
CREATE FUNCTION fanout.calculate_next_retry(
    attempt_count integer, p_now timestamptz DEFAULT now()
) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT p_now + CASE attempt_count
        WHEN 0 THEN interval '0'
        WHEN 1 THEN interval '60 seconds'
        WHEN 2 THEN interval '300 seconds'
    END
$$;
REVOKE ALL ON FUNCTION fanout.calculate_next_retry(integer, timestamptz) FROM PUBLIC;

GRANT USAGE ON SCHEMA fanout TO fanout_producer;
GRANT SELECT ON fanout.transactional_mails TO fanout_sender;
GRANT EXECUTE ON FUNCTION fanout.calculate_next_retry(integer, timestamptz)
    TO fanout_producer, fanout_operator, fanout_viewer;
