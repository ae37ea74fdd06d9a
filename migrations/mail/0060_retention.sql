-- Retention of mail: what outlives a delivery, indexes by age, and the rights of the job.

-- A dedupe key works for good. Its delivery is deleted some day, so the key stays here: as the id, which
-- is a keyed hash and tells nothing.
CREATE TABLE fanout.dedupe_keys (
    delivery_id uuid PRIMARY KEY
);
COMMENT ON TABLE fanout.dedupe_keys IS
    'deliveries that were queued with a dedupe key, also those that retention has deleted';

-- Who uses a key a second time at the same time waits here for the transaction of the first.
CREATE FUNCTION fanout.use_dedupe_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    INSERT INTO fanout.dedupe_keys (delivery_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN NEW;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION fanout.use_dedupe_key() FROM PUBLIC;
-- Without a dedupe key, the cause has a random id in place of the hash.
CREATE TRIGGER use_dedupe_key BEFORE INSERT ON fanout.deliveries
    FOR EACH ROW
    WHEN (
        NEW.source = 'transactional_mails'
        AND NEW.cause ~ '^queue_notification:[0-9a-f]{64}$'
    )
    EXECUTE FUNCTION fanout.use_dedupe_key();
-- After the trigger, whose lock waits for whoever is queuing: so none is missed.
INSERT INTO fanout.dedupe_keys (delivery_id)
SELECT id
FROM fanout.deliveries
WHERE source = 'transactional_mails' AND cause ~ '^queue_notification:[0-9a-f]{64}$';

COMMENT ON COLUMN fanout.channels.since IS
    'rows that others wrote before are never sent: when the graph of the channel first ran, or up to'
    ' where retention has deleted deliveries';

CREATE INDEX deliveries_open_batches_idx ON fanout.deliveries (batch_id)
    WHERE finished_at IS NULL AND batch_id IS NOT NULL;
CREATE INDEX delivery_bodies_created_at_idx ON fanout.delivery_bodies (created_at);
CREATE INDEX batch_requests_created_at_idx ON fanout.batch_requests (created_at);

-- jobs/0050 calls the function too: whichever family comes last, the rest is done then.
CREATE FUNCTION fanout.join_retention_of_mail() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF to_regclass('fanout.job_runs') IS NULL THEN
        RETURN;
    END IF;
    GRANT SELECT (
        id, channel, recipient, source, source_id, collapse_key, sequence, batch_id, finished_at
    ), DELETE ON fanout.deliveries TO fanout_jobs;
    GRANT SELECT (delivery_id, provider, created_at), DELETE ON fanout.delivery_bodies TO fanout_jobs;
    GRANT SELECT (id, created_at, members), DELETE ON fanout.batch_requests TO fanout_jobs;
    GRANT SELECT (delivery_id) ON fanout.digest_rows TO fanout_jobs;
    GRANT SELECT (provider, report_id, received_at), DELETE ON fanout.provider_reports TO fanout_jobs;
    GRANT UPDATE (since) ON fanout.channels TO fanout_jobs;
END
$$;
REVOKE ALL ON FUNCTION fanout.join_retention_of_mail() FROM PUBLIC;
SELECT fanout.join_retention_of_mail();
