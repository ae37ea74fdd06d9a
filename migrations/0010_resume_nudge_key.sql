-- Finds the other events with the same nudge: each is decided by whether there is one.

-- Only nudges are in it, a few per project and day, so that every other event's insert is spared.
-- Built in the file's transaction, writers of domain_events wait for one scan of the table. Where
-- that is too long, create it beforehand, CONCURRENTLY and under this name.
CREATE INDEX IF NOT EXISTS domain_events_resume_nudge_idx
    ON public.domain_events (
        project_id, (payload ->> 'user_id'), (payload ->> 'resume_type'), (payload ->> 'nudge_tier'))
    WHERE event_type = 'resume_incomplete_nudge';
