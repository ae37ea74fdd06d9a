-- Three roles without login; give a login membership in the one it needs.
--
--   fanout_cdc       change data capture. Membership does not pass on REPLICATION: its login needs
--                    that attribute itself, and then reads every table's changes.
--   fanout_writer    the pipeline: reads what decides, writes what follows, changes no definition.
--   fanout_operator  replay and the console: reads all of it, reopens events, closes dead letters.

-- Roles belong to the cluster: another database may have made them, or may be making them now.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('fanout_cdc', 'NOLOGIN REPLICATION'),
            ('fanout_writer', 'NOLOGIN'),
            ('fanout_operator', 'NOLOGIN')
        ) AS role (name, attributes)
    LOOP
        CONTINUE WHEN to_regrole(wanted.name) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.attributes);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION '% may not create the role %', current_user, wanted.name
                USING HINT = format(
                    'have an administrator run CREATE ROLE %I %s; then run migrate again',
                    wanted.name, wanted.attributes);
        END;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA public TO fanout_cdc, fanout_writer, fanout_operator;

GRANT SELECT ON
    public.domain_events,
    public.profiles,
    public.orgs,
    public.org_members,
    public.projects,
    public.project_access_grants,
    public.resources,
    public.permissions,
    public.chat_threads,
    public.chat_thread_participants,
    public.meetings,
    public.meeting_participants,
    public.user_notification_preferences,
    public.notification_processing,
    public.notifications,
    public.pending_emails,
    public.notification_decisions,
    public.event_dead_letters,
    public.fanout_heartbeat,
    public.fanout_migrations
TO fanout_writer, fanout_operator;

GRANT INSERT, UPDATE ON public.notification_processing, public.event_dead_letters TO fanout_writer;
GRANT INSERT ON
    public.notifications,
    public.pending_emails,
    public.notification_decisions
TO fanout_writer;
-- What one more message changes in an open counter; read_at stays the application's.
GRANT UPDATE (title, body, payload, created_at) ON public.notifications TO fanout_writer;

GRANT UPDATE (processing_status, reason, error_message, retry_count)
    ON public.notification_processing TO fanout_operator;
GRANT UPDATE (resolved_at, resolution) ON public.event_dead_letters TO fanout_operator;

GRANT SELECT ON public.domain_events, public.fanout_heartbeat TO fanout_cdc;
GRANT INSERT, DELETE ON public.fanout_heartbeat TO fanout_cdc;

-- By look-up: the sequences and functions are the application's to name and to withhold.
DO $$
DECLARE
    serial text;
    function_ regprocedure;
BEGIN
    FOREACH serial IN ARRAY ARRAY[
        pg_get_serial_sequence('public.notifications', 'id'),
        pg_get_serial_sequence('public.pending_emails', 'id')
    ]
    LOOP
        CONTINUE WHEN serial IS NULL;
        EXECUTE format('GRANT USAGE ON SEQUENCE %s TO fanout_writer', serial);
    END LOOP;
    FOREACH function_ IN ARRAY ARRAY[
        to_regprocedure('public.is_org_owner(uuid, uuid)'),
        to_regprocedure('public.get_effective_permission(uuid, uuid)'),
        to_regprocedure('public.can_view(uuid, uuid)')
    ]
    LOOP
        CONTINUE WHEN function_ IS NULL;
        EXECUTE format(
            'GRANT EXECUTE ON FUNCTION %s TO fanout_writer, fanout_operator', function_);
    END LOOP;
END
$$;
