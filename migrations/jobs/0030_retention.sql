-- What the job retention may read and delete. Of the application it reads only what decides.

GRANT SELECT, INSERT, UPDATE ON fanout.retention_marks TO fanout_jobs;

GRANT SELECT (event_id, processing_status, completed_at), DELETE
    ON public.notification_processing TO fanout_jobs;
GRANT SELECT, DELETE ON public.notification_decisions, fanout.attempts TO fanout_jobs;
GRANT SELECT (id, started_at, finished_at), DELETE ON public.fanout_replays TO fanout_jobs;
GRANT SELECT, DELETE ON fanout.age_exemptions TO fanout_jobs;
GRANT DELETE ON public.event_dead_letters, fanout.job_runs TO fanout_jobs;
GRANT DELETE ON fanout.meeting_reminders, fanout.thread_nudges, fanout.resume_nudges
    TO fanout_jobs;

-- As in 0009 of the fan-out: the grants say which verbs a role has, the policies that no row is hidden
-- from it. Where rows of the ledger were hidden, finished events would look unfinished.
DO $$
DECLARE
    readable text;
BEGIN
    FOREACH readable IN ARRAY ARRAY[
        'notification_processing', 'notification_decisions', 'fanout_replays'
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
