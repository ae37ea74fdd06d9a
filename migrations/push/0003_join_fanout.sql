-- Beside the fan-out: it writes the deliveries of its notifications, in its own statement; they are
-- captured; and push reads what they tell and what decides whether they still go out.

GRANT SELECT (id, cause, channel, state, next_attempt_at),
    INSERT (
        id, cause, channel, recipient, kind, user_id, source, source_id, expires_at,
        deliver_at, next_attempt_at, collapse_key
    ),
    UPDATE (deliver_at, next_attempt_at)
    ON fanout.deliveries TO fanout_writer;
GRANT SELECT ON fanout.channels TO fanout_writer;
GRANT EXECUTE ON FUNCTION fanout.delivery_id(text, text, text) TO fanout_writer;

-- 0032 of the fan-out calls the function too: whichever family comes last, the rest is done then. A
-- database without the fan-out captures nothing: there the clock alone wakes the graphs.
CREATE FUNCTION fanout.join_push_to_fanout() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    readable text;
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

    IF to_regclass('public.notification_processing') IS NULL THEN
        RETURN;
    END IF;
    GRANT SELECT (id, user_id, title, body, link_url, read_at) ON public.notifications
        TO fanout_push;
    GRANT SELECT (id, created_at, project_id, thread_id, resource_id) ON public.domain_events
        TO fanout_push;
    GRANT SELECT (id, owner_org_id) ON public.projects TO fanout_push;
    GRANT SELECT (id, parent_id, org_id) ON public.resources TO fanout_push;
    GRANT SELECT (resource_id, user_id, permission) ON public.permissions TO fanout_push;
    GRANT SELECT (org_id, user_id, role) ON public.org_members TO fanout_push;
    GRANT SELECT (project_id, user_id) ON public.project_access_grants TO fanout_push;
    GRANT SELECT (thread_id, user_id) ON public.chat_thread_participants TO fanout_push;
    GRANT SELECT (id, user_id, scope_type, scope_id, event_type, channel, status, updated_at)
        ON public.user_notification_preferences TO fanout_push;

    -- As in 0009 of the fan-out: where row security is on, it must not hide rows from the role.
    FOREACH readable IN ARRAY ARRAY[
        'notifications', 'domain_events', 'projects', 'resources', 'permissions', 'org_members',
        'project_access_grants', 'chat_thread_participants', 'user_notification_preferences'
    ]
    LOOP
        CONTINUE WHEN NOT EXISTS (
            SELECT FROM pg_catalog.pg_class
            WHERE oid = to_regclass('public.' || readable) AND relkind IN ('r', 'p')
        ) OR EXISTS (
            SELECT FROM pg_catalog.pg_policies
            WHERE schemaname = 'public' AND tablename = readable AND policyname = 'fanout_push'
        );
        EXECUTE format(
            'CREATE POLICY fanout_push ON public.%I TO fanout_push USING (true) WITH CHECK (true)',
            readable);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION fanout.join_push_to_fanout() FROM PUBLIC;
SELECT fanout.join_push_to_fanout();
