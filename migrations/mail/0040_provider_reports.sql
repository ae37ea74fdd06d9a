-- What providers say of mails after they have accepted them, and the addresses that this suppresses.

CREATE TABLE fanout.provider_reports (
    provider     text NOT NULL,
    report_id    text NOT NULL,
    kind         text NOT NULL,
    provider_id  text,
    at           timestamptz NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT now(),
    detail       text,
    address_hash text,
    PRIMARY KEY (provider, report_id)
);

COMMENT ON TABLE fanout.provider_reports IS
    'what a provider said of a delivery, in any order, maybe before the delivery itself is settled';
COMMENT ON COLUMN fanout.provider_reports.report_id IS
    'the same whenever the report is sent again';
COMMENT ON COLUMN fanout.provider_reports.kind IS
    'in the words of the provider, such as email.delivered';
COMMENT ON COLUMN fanout.provider_reports.provider_id IS
    'provider_id of the delivery; NULL: it is about an address';
COMMENT ON COLUMN fanout.provider_reports.at IS
    'when it happened, says the provider';
COMMENT ON COLUMN fanout.provider_reports.detail IS
    'why, in words of the provider''s documents, such as Permanent/General; never its free text';
COMMENT ON COLUMN fanout.provider_reports.address_hash IS
    'only where an address was lifted from the suppressions: an older report does not suppress it again';

CREATE INDEX provider_reports_delivery_idx ON fanout.provider_reports (provider, provider_id, at)
    WHERE provider_id IS NOT NULL;
CREATE INDEX provider_reports_lifted_idx ON fanout.provider_reports (address_hash, at)
    WHERE address_hash IS NOT NULL;
CREATE INDEX provider_reports_received_at_idx ON fanout.provider_reports (received_at);

ALTER TABLE fanout.suppressions DROP CONSTRAINT suppressions_reason_check;
ALTER TABLE fanout.suppressions ADD CONSTRAINT suppressions_reason_check CHECK (
    reason IN ('bounced', 'complained', 'suppressed', 'unsubscribed', 'by hand'));
COMMENT ON COLUMN fanout.suppressions.reason IS
    'suppressed: the provider itself sends nothing to it';
COMMENT ON COLUMN fanout.suppressions.provider IS
    'whose report suppressed it; only that provider or a person lifts it';

-- Keep one report, and do what it means for addresses. Returns whether it is new: one that is sent
-- again changes nothing. Of the reports about an address, those count that happened last, whichever
-- is handled first.
--
-- Reports are kept for 90 days: each new one deletes a few that are older. That needs no job, which a
-- database with nothing but mail does not have. No provider sends a report again after so long.
--
-- addresses: how the one address can be written. effect: NULL, 'lift', or a reason to suppress it.
CREATE FUNCTION fanout.record_report(
    from_provider text, with_id text, of_kind text, of_message text, happened_at timestamptz,
    in_detail text, addresses text[], effect text
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    moment timestamptz := least(happened_at, now());
    hashes text[] := ARRAY(
        SELECT fanout.address_hash(address) FROM unnest(addresses) AS address);
BEGIN
    -- The order keeps two reports from waiting for each other.
    PERFORM pg_advisory_xact_lock(hashtextextended(hash, 4015))
    FROM (SELECT hash FROM unnest(hashes) AS hash ORDER BY hash) AS ordered;

    INSERT INTO fanout.provider_reports (
        provider, report_id, kind, provider_id, at, detail, address_hash
    ) VALUES (
        from_provider, with_id, of_kind, of_message, moment, in_detail,
        CASE effect WHEN 'lift' THEN hashes[1] END
    )
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM fanout.provider_reports AS old
    USING (
        SELECT provider, report_id
        FROM fanout.provider_reports
        WHERE received_at < now() - interval '90 days'
        ORDER BY received_at
        LIMIT 10
        FOR UPDATE SKIP LOCKED
    ) AS found
    WHERE old.provider = found.provider AND old.report_id = found.report_id;

    IF effect = 'lift' THEN
        DELETE FROM fanout.suppressions
        WHERE address_hash = ANY (hashes) AND provider = from_provider AND since <= moment;
    ELSIF effect IS NOT NULL THEN
        INSERT INTO fanout.suppressions AS known (address_hash, reason, provider, since)
        SELECT hash, effect, from_provider, moment
        FROM unnest(hashes) AS hash
        WHERE NOT EXISTS (
            SELECT FROM fanout.provider_reports AS lifted
            WHERE lifted.address_hash = hashes[1] AND lifted.at > moment
        )
        ON CONFLICT (address_hash) DO UPDATE SET reason = EXCLUDED.reason, since = EXCLUDED.since
        WHERE known.provider = EXCLUDED.provider AND known.since < EXCLUDED.since;
    END IF;
    RETURN true;
END
$$;

-- What operators do by hand. They see hashes, and cannot make one without using it here.
CREATE FUNCTION fanout.suppress(addresses text[])
RETURNS TABLE (hash text, is_changed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    hashes text[] := ARRAY(
        SELECT fanout.address_hash(address) FROM unnest(addresses) AS address);
BEGIN
    INSERT INTO fanout.suppressions AS known (address_hash, reason)
    SELECT each, 'by hand' FROM unnest(hashes) AS each
    ON CONFLICT (address_hash) DO UPDATE SET reason = 'by hand', provider = NULL, since = now()
    WHERE known.reason <> 'by hand';
    hash := hashes[1];
    is_changed := FOUND;
    RETURN NEXT;
END
$$;

-- by_hash: as a list of suppressions shows it, in place of the address.
CREATE FUNCTION fanout.lift_suppression(addresses text[], by_hash text, with_id uuid)
RETURNS TABLE (hash text, is_changed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    hashes text[] := CASE WHEN by_hash IS NOT NULL THEN ARRAY[by_hash] ELSE ARRAY(
        SELECT fanout.address_hash(address) FROM unnest(addresses) AS address) END;
BEGIN
    DELETE FROM fanout.suppressions WHERE address_hash = ANY (hashes);
    hash := hashes[1];
    is_changed := FOUND;
    IF is_changed THEN
        INSERT INTO fanout.provider_reports (provider, report_id, kind, at, address_hash)
        VALUES ('by hand', with_id::text, 'suppression.removed', now(), hashes[1]);
    END IF;
    RETURN NEXT;
END
$$;

REVOKE ALL ON FUNCTION
    fanout.record_report(text, text, text, text, timestamptz, text, text[], text),
    fanout.suppress(text[]),
    fanout.lift_suppression(text[], text, uuid)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    fanout.record_report(text, text, text, text, timestamptz, text, text[], text),
    fanout.suppress(text[]),
    fanout.lift_suppression(text[], text, uuid)
    TO fanout_operator;
GRANT SELECT ON fanout.suppressions TO fanout_operator;
-- With forget, an operator deletes what was said of a person's deliveries.
GRANT SELECT, DELETE ON fanout.provider_reports TO fanout_operator;
GRANT SELECT ON fanout.provider_reports TO fanout_viewer;
