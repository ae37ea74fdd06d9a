-- Digests: the rows of pending_emails that each one tells, and the hours at which they go out.

-- A digest is a row of fanout.deliveries whose cause is its window. Its id is in both tables.
CREATE TABLE fanout.digest_rows (
    email_id    bigint PRIMARY KEY,
    delivery_id uuid NOT NULL REFERENCES fanout.deliveries (id) ON DELETE CASCADE,
    left_out    text CHECK (left_out IN ('read', 'no_access', 'muted'))
);
CREATE INDEX digest_rows_delivery_idx ON fanout.digest_rows (delivery_id);

COMMENT ON COLUMN fanout.digest_rows.email_id IS
    'the row of pending_emails: it belongs to one digest at most, also after somebody resets it';
COMMENT ON COLUMN fanout.digest_rows.left_out IS
    'why the digest does not tell it, found when it was sent; NULL: it does';

-- Nobody gets a second digest while the first one is on its way.
CREATE INDEX deliveries_open_digests_idx ON fanout.deliveries (user_id)
    WHERE source = 'digest_rows' AND state IN ('pending', 'leased', 'waiting', 'paused');

-- One row, for whoever makes digests and whoever sends them: both must know the same hours.
CREATE TABLE fanout.digest_hours (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    hours    int[] NOT NULL DEFAULT '{6,7,8,9,10,11,12,13,14,15,16,17,18}' CHECK (
        cardinality(hours) > 0 AND array_position(hours, NULL) IS NULL
        AND hours <@ '{0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23}'::int[]),
    zone     text NOT NULL DEFAULT 'America/Los_Angeles'
        CHECK (timezone(zone, '2026-01-01 00:00:00+00'::timestamptz) IS NOT NULL)
);
INSERT INTO fanout.digest_hours DEFAULT VALUES;

COMMENT ON COLUMN fanout.digest_hours.hours IS
    'a digest goes out when one of these hours begins, or later in it';
COMMENT ON COLUMN fanout.digest_hours.zone IS
    'the IANA name of the zone of everyone who is not in fanout.person_zones';

-- The application knows where people live, and may replace this view: docs/your-tables.md.
CREATE VIEW fanout.person_zones AS SELECT NULL::uuid AS user_id, NULL::text AS zone WHERE false;

COMMENT ON VIEW fanout.person_zones IS
    'the time zone of a person, as an IANA name; who is missing has that of fanout.digest_hours';

GRANT SELECT, UPDATE (left_out) ON fanout.digest_rows TO fanout_sender;
GRANT SELECT ON fanout.digest_hours, fanout.person_zones TO fanout_sender;

-- 0031 of the fan-out and 0040 of the jobs call the function too: whichever family comes last, the
-- rest is done then.
CREATE FUNCTION fanout.join_digests() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    readable text;
BEGIN
    IF to_regclass('public.pending_emails') IS NULL
        OR to_regclass('public.notification_processing') IS NULL
    THEN
        RETURN;
    END IF;

    -- What decides, when a mail is sent, besides what 0003 grants.
    GRANT SELECT (created_at, resource_id) ON public.domain_events TO fanout_sender;
    GRANT SELECT (id, parent_id, org_id) ON public.resources TO fanout_sender;
    GRANT SELECT (resource_id, user_id, permission) ON public.permissions TO fanout_sender;
    GRANT SELECT (role) ON public.org_members TO fanout_sender;
    GRANT SELECT (last_read_at) ON public.chat_thread_participants TO fanout_sender;

    -- As in 0009 of the fan-out: where row security is on, it must not hide rows from the roles.
    FOREACH readable IN ARRAY ARRAY['resources', 'permissions']
    LOOP
        CONTINUE WHEN NOT EXISTS (
            SELECT FROM pg_catalog.pg_class
            WHERE oid = to_regclass('public.' || readable) AND relkind IN ('r', 'p')
        ) OR EXISTS (
            SELECT FROM pg_catalog.pg_policies
            WHERE schemaname = 'public' AND tablename = readable AND policyname = 'fanout_sender'
        );
        EXECUTE format(
            'CREATE POLICY fanout_sender ON public.%I TO fanout_sender USING (true) WITH CHECK (true)',
            readable);
    END LOOP;

    IF to_regclass('fanout.job_runs') IS NULL THEN
        RETURN;
    END IF;
    GRANT SELECT (id, user_id, source, state), INSERT (
        id, cause, channel, recipient, kind, user_id, source, source_id, priority, expires_at
    ) ON fanout.deliveries TO fanout_jobs;
    GRANT SELECT (email_id), INSERT (email_id, delivery_id) ON fanout.digest_rows TO fanout_jobs;
    GRANT SELECT ON fanout.channels, fanout.digest_hours, fanout.person_zones TO fanout_jobs;
    GRANT EXECUTE ON FUNCTION fanout.delivery_id(text, text, text) TO fanout_jobs;
    GRANT SELECT (id, user_id, delivery_type, status, created_at), UPDATE (status)
        ON public.pending_emails TO fanout_jobs;
    IF EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE oid = 'public.pending_emails'::regclass AND relkind IN ('r', 'p')
    ) AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_policies
        WHERE schemaname = 'public' AND tablename = 'pending_emails' AND policyname = 'fanout_jobs'
    ) THEN
        CREATE POLICY fanout_jobs ON public.pending_emails TO fanout_jobs
            USING (true) WITH CHECK (true);
    END IF;
END
$$;
REVOKE ALL ON FUNCTION fanout.join_digests() FROM PUBLIC;
SELECT fanout.join_digests();
