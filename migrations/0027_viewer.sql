-- What fanout_viewer may read of the application's tables and of the fan-out's own.

-- As in kernel/0001: roles belong to the cluster. kernel/0006 may come before this file or after it.
DO $$
BEGIN
    IF to_regrole('fanout_viewer') IS NULL THEN
        CREATE ROLE fanout_viewer NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION '% may not create the role fanout_viewer', current_user
        USING HINT =
            'have an administrator run CREATE ROLE fanout_viewer NOLOGIN; then run migrate again';
END
$$;

-- Columns, not tables: no payload, no text of a mail, nothing of a person but who they are.
GRANT SELECT (id, event_type, actor_id, project_id, thread_id, created_at)
    ON public.domain_events TO fanout_viewer;
GRANT SELECT (id, email, full_name) ON public.profiles TO fanout_viewer;
GRANT SELECT (id, name) ON public.projects TO fanout_viewer;
GRANT SELECT (id, topic) ON public.chat_threads TO fanout_viewer;
-- The body of a counter row says how many messages it counts.
GRANT SELECT (id, user_id, event_id, title, body, created_at, read_at, counter_thread_id)
    ON public.notifications TO fanout_viewer;
GRANT SELECT (id, user_id, event_id, delivery_type, subject, status, created_at, processed_at)
    ON public.pending_emails TO fanout_viewer;
GRANT SELECT ON
    public.user_notification_preferences,
    public.notification_processing,
    public.notification_decisions,
    public.fanout_heartbeat,
    public.fanout_events_per_minute,
    public.fanout_queue,
    public.fanout_failures,
    fanout.retention_marks
    TO fanout_viewer;

-- As in 0009: the grants say which verbs a role has, the policies that no row is hidden from it. The
-- application may have a view in a table's place.
DO $$
DECLARE
    granted regclass;
BEGIN
    FOR granted IN
        SELECT relation.oid
        FROM pg_catalog.pg_class AS relation
        WHERE relation.relnamespace = 'public'::regnamespace
            AND relation.relkind IN ('r', 'p')
            AND relation.relname IN (
                'domain_events', 'profiles', 'projects', 'chat_threads', 'notifications',
                'pending_emails', 'user_notification_preferences', 'notification_processing',
                'notification_decisions', 'fanout_heartbeat'
            )
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_policy AS policy
                WHERE policy.polrelid = relation.oid AND policy.polname = 'fanout_viewer'
            )
        ORDER BY relation.relname
    LOOP
        EXECUTE format(
            'CREATE POLICY fanout_viewer ON %s TO fanout_viewer USING (true) WITH CHECK (true)',
            granted);
    END LOOP;
END
$$;
