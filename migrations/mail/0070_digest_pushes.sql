-- Pushes that were too much for a person's phone wait in the state digest: the next digest tells them.

-- Checked for older rows in 0071, so that the lock is short.
ALTER TABLE fanout.deliveries DROP CONSTRAINT deliveries_state_check;
ALTER TABLE fanout.deliveries ADD CONSTRAINT deliveries_state_check CHECK (state IN (
    'pending', 'leased', 'waiting', 'paused', 'held', 'digest',
    'done', 'dead', 'cancelled', 'expired')) NOT VALID;

COMMENT ON COLUMN fanout.deliveries.state IS
    'held: nobody knows whether the provider accepted it, so a person must decide; digest: it was too '
    'much for the phone, and ends with the digest that tells it';
COMMENT ON COLUMN fanout.deliveries.source_taken_at IS
    'when its row of pending_emails became ours, by status pending -> processing; in the state digest: '
    'when a digest took it';

-- As fanout.digest_rows, for pushes in place of e-mails.
CREATE TABLE fanout.digest_pushes (
    push_id     uuid PRIMARY KEY REFERENCES fanout.deliveries (id) ON DELETE CASCADE,
    delivery_id uuid NOT NULL REFERENCES fanout.deliveries (id) ON DELETE CASCADE,
    left_out    text CHECK (left_out IN (
        'expired', 'gone', 'mailed', 'muted', 'no_access', 'read', 'same'))
);
CREATE INDEX digest_pushes_delivery_idx ON fanout.digest_pushes (delivery_id);
CREATE INDEX deliveries_for_digests_idx ON fanout.deliveries (user_id)
    WHERE state = 'digest' AND source_taken_at IS NULL;

COMMENT ON COLUMN fanout.digest_pushes.push_id IS
    'the delivery in the state digest: it belongs to one digest at most';
COMMENT ON COLUMN fanout.digest_pushes.left_out IS
    'why the digest does not tell it, found when it was sent; NULL: it does';

GRANT SELECT, UPDATE (left_out) ON fanout.digest_pushes TO fanout_sender;
GRANT SELECT ON fanout.digest_pushes TO fanout_operator, fanout_viewer;

-- What the digest of pushes needs besides what join_digests grants. 0032 of the fan-out, jobs/0050 and
-- activity/0010 call it too: whichever family comes last, the rest is done then.
CREATE FUNCTION fanout.join_digest_pushes() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF to_regclass('activity.notifications') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA activity TO fanout_sender;
        GRANT SELECT (id, title, payload) ON activity.notifications TO fanout_sender;
    END IF;
    IF to_regclass('public.pending_emails') IS NULL
        OR to_regclass('public.notification_processing') IS NULL
    THEN
        RETURN;
    END IF;
    GRANT SELECT (id, title, link_url) ON public.notifications TO fanout_sender;
    GRANT SELECT (project_id, meeting_id) ON public.domain_events TO fanout_sender;
    GRANT SELECT (name) ON public.projects TO fanout_sender;
    GRANT SELECT (project_id) ON public.resources TO fanout_sender;
    GRANT SELECT (id, project_id) ON public.chat_threads TO fanout_sender;
    IF EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE oid = to_regclass('public.chat_threads') AND relkind IN ('r', 'p')
    ) AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_policies
        WHERE schemaname = 'public' AND tablename = 'chat_threads' AND policyname = 'fanout_sender'
    ) THEN
        CREATE POLICY fanout_sender ON public.chat_threads TO fanout_sender
            USING (true) WITH CHECK (true);
    END IF;

    IF to_regclass('fanout.job_runs') IS NULL THEN
        RETURN;
    END IF;
    GRANT SELECT (created_at, source_taken_at), UPDATE (source_taken_at)
        ON fanout.deliveries TO fanout_jobs;
    GRANT SELECT (push_id), INSERT (push_id, delivery_id) ON fanout.digest_pushes TO fanout_jobs;
END
$$;
REVOKE ALL ON FUNCTION fanout.join_digest_pushes() FROM PUBLIC;
SELECT fanout.join_digest_pushes();

-- Pushes end with the digest that has them, whoever ends it and in whatever way.
CREATE FUNCTION fanout.end_digest_pushes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    UPDATE fanout.deliveries AS push SET
        state = CASE
            WHEN told.left_out = 'expired' THEN 'expired'
            WHEN told.left_out IS NULL AND NEW.state = 'done' THEN 'done'
            ELSE 'cancelled'
        END,
        finished_at = now(),
        error_class = NULL,
        reason = CASE
            WHEN told.left_out IS NOT NULL THEN 'left out of the digest'
            WHEN NEW.state = 'done' THEN 'told in the digest'
            ELSE 'the digest with it was not sent'
        END
    FROM fanout.digest_pushes AS told
    WHERE told.delivery_id = NEW.id AND push.id = told.push_id AND push.state = 'digest';
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION fanout.end_digest_pushes() FROM PUBLIC;
CREATE TRIGGER end_digest_pushes AFTER UPDATE ON fanout.deliveries
    FOR EACH ROW
    WHEN (OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL AND NEW.source = 'digest_rows')
    EXECUTE FUNCTION fanout.end_digest_pushes();
