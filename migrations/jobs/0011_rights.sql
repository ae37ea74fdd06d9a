-- What the jobs that emit events may do with the application's tables.

GRANT SELECT ON
    public.meetings,
    public.meeting_participants,
    public.chat_threads,
    public.chat_thread_participants,
    public.project_messages,
    public.projects,
    public.org_members,
    public.resources,
    public.project_resumes,
    public.borrower_resumes,
    public.project_workspace_activity,
    public.notifications,
    public.user_notification_preferences,
    public.domain_events
TO fanout_jobs;

GRANT INSERT (event_type, actor_id, project_id, thread_id, meeting_id, payload)
    ON public.domain_events TO fanout_jobs;

-- The application's own records of what was sent.
GRANT SELECT, INSERT (meeting_id, user_id, reminder_type, sent_at)
    ON public.meeting_reminders_sent TO fanout_jobs;
GRANT SELECT, INSERT (thread_id, user_id, latest_message_at, event_id, sent_at)
    ON public.unread_thread_stale_log TO fanout_jobs;

-- By look-up: the application may number its rows in another way.
DO $$
DECLARE
    serial text;
    readable text;
BEGIN
    FOREACH serial IN ARRAY ARRAY[
        pg_get_serial_sequence('public.domain_events', 'id'),
        pg_get_serial_sequence('public.meeting_reminders_sent', 'id'),
        pg_get_serial_sequence('public.unread_thread_stale_log', 'id')
    ]
    LOOP
        CONTINUE WHEN serial IS NULL;
        EXECUTE format('GRANT USAGE ON SEQUENCE %s TO fanout_jobs', serial);
    END LOOP;

    -- As in 0009 of the fan-out: where row security is on, it must not hide rows from the role.
    FOREACH readable IN ARRAY ARRAY[
        'meetings', 'meeting_participants', 'chat_threads', 'chat_thread_participants',
        'project_messages', 'projects', 'org_members', 'resources', 'project_resumes',
        'borrower_resumes', 'project_workspace_activity', 'notifications',
        'user_notification_preferences', 'domain_events', 'meeting_reminders_sent',
        'unread_thread_stale_log'
    ]
    LOOP
        CONTINUE WHEN NOT EXISTS (
            SELECT FROM pg_catalog.pg_class
            WHERE oid = ('public.' || readable)::regclass AND relkind IN ('r', 'p')
        ) OR EXISTS (
            SELECT FROM pg_catalog.pg_policies
            WHERE schemaname = 'public' AND tablename = readable AND policyname = 'fanout_jobs'
        );
        EXECUTE format(
            'CREATE POLICY fanout_jobs ON public.%I TO fanout_jobs USING (true) WITH CHECK (true)',
            readable);
    END LOOP;
END
$$;
