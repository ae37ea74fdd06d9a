-- Reports are kept for 90 days: each new one deletes a few that are older. That needs no job, which a
-- database with nothing but mail does not have. No provider sends a report again after so long.

-- As in 0040, and the deletion.
CREATE OR REPLACE FUNCTION fanout.record_report(
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
