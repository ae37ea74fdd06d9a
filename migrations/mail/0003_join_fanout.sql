-- Beside the fan-out: deliveries are captured, and the sender works on the application's mails.
--
-- 0030 of the fan-out calls the function too: whichever family comes last, the rest is done then. A
-- database without the fan-out captures nothing: there the clock alone wakes the graphs.
CREATE FUNCTION fanout.join_mail_to_fanout() RETURNS void
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
REVOKE ALL ON FUNCTION fanout.join_mail_to_fanout() FROM PUBLIC;
SELECT fanout.join_mail_to_fanout();
