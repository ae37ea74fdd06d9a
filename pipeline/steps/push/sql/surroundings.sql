-- What else the database has: an application whose preferences count, and digests that tell what was
-- too much for the phone: those need mail that is switched on, and the job that makes them.
SELECT to_regclass('public.notification_processing') IS NOT NULL,
    EXISTS (SELECT FROM fanout.channels WHERE channel = 'email')
    AND to_regclass('fanout.digest_pushes') IS NOT NULL
    AND to_regclass('fanout.job_runs') IS NOT NULL
    AND to_regclass('public.pending_emails') IS NOT NULL
