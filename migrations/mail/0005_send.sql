-- What sending needs: rights of fanout_sender, and an index for batches that are repeated.

CREATE INDEX deliveries_batch_idx ON fanout.deliveries (batch_id)
    WHERE state IN ('pending', 'waiting', 'leased') AND batch_id IS NOT NULL;

GRANT UPDATE (batch_id, source_taken_at),
    INSERT (
        id, cause, channel, recipient, kind, user_id, source, source_id, expires_at
    )
    ON fanout.deliveries TO fanout_sender;
GRANT SELECT, INSERT (delivery_id, provider, body) ON fanout.delivery_bodies TO fanout_sender;
GRANT SELECT, INSERT (id, provider, key, members, body, asked_at)
    ON fanout.batch_requests TO fanout_sender;
GRANT SELECT, INSERT (channel) ON fanout.channels TO fanout_sender;
GRANT SELECT, INSERT (name, per_second, burst, tokens),
    UPDATE (tokens, refilled_at, blocked_until)
    ON fanout.rate_limits TO fanout_sender;
GRANT SELECT (address_hash) ON fanout.suppressions TO fanout_sender;
GRANT EXECUTE ON FUNCTION
    fanout.delivery_id(text, text, text), fanout.address_hash(text) TO fanout_sender;
-- Its own breakers: of providers.
GRANT DELETE,
    INSERT (name, state, reason, until, failures, fingerprint, cool_off_seconds),
    UPDATE (until, failures, cool_off_seconds)
    ON fanout.switches TO fanout_sender;
GRANT SELECT, INSERT (graph, started_at, version, host),
    UPDATE (started_at, last_seen_at, version, host)
    ON fanout.graphs TO fanout_sender;

-- As in 0003, and what the check of a mail reads.
CREATE OR REPLACE FUNCTION fanout.join_mail_to_fanout() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    ours text;
BEGIN
    -- Inserts only, and of each delivery only its id and time.
    IF EXISTS (
        SELECT FROM pg_catalog.pg_publication WHERE pubname = 'fanout_events' AND NOT puballtables
    ) AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_publication_tables
        WHERE pubname = 'fanout_events' AND schemaname = 'fanout' AND tablename = 'deliveries'
    ) THEN
        ALTER PUBLICATION fanout_events ADD TABLE fanout.deliveries (id, created_at);
    END IF;

    IF to_regclass('public.pending_emails') IS NULL THEN
        RETURN;
    END IF;
    GRANT SELECT, UPDATE (status, processed_at) ON public.pending_emails TO fanout_sender;
    GRANT SELECT (id, email, full_name) ON public.profiles TO fanout_sender;
    GRANT SELECT (id, thread_id) ON public.domain_events TO fanout_sender;
    GRANT SELECT (id, owner_org_id) ON public.projects TO fanout_sender;
    GRANT SELECT (org_id, user_id) ON public.org_members TO fanout_sender;
    GRANT SELECT (project_id, user_id) ON public.project_access_grants TO fanout_sender;
    GRANT SELECT (thread_id, user_id) ON public.chat_thread_participants TO fanout_sender;
    GRANT SELECT (event_id, user_id, read_at) ON public.notifications TO fanout_sender;
    GRANT SELECT (id, user_id, scope_type, scope_id, event_type, channel, status, updated_at)
        ON public.user_notification_preferences TO fanout_sender;

    -- As in 0009 of the fan-out: where row security is on, it must not hide rows from the role.
    FOREACH ours IN ARRAY ARRAY[
        'pending_emails', 'profiles', 'domain_events', 'projects', 'org_members',
        'project_access_grants', 'chat_thread_participants', 'notifications',
        'user_notification_preferences'
    ]
    LOOP
        CONTINUE WHEN NOT EXISTS (
            SELECT FROM pg_catalog.pg_class
            WHERE oid = to_regclass('public.' || ours) AND relkind IN ('r', 'p')
        ) OR EXISTS (
            SELECT FROM pg_catalog.pg_policies
            WHERE schemaname = 'public' AND tablename = ours AND policyname = 'fanout_sender'
        );
        EXECUTE format(
            'CREATE POLICY fanout_sender ON public.%I TO fanout_sender USING (true) WITH CHECK (true)',
            ours);
    END LOOP;
END
$$;
SELECT fanout.join_mail_to_fanout();
