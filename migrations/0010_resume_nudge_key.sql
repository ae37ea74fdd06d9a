-- Finds the other nudges of a person and a project: each is decided by whether there is one like it.

-- Only nudges are in it, so that no other event's insert pays for it; and no more of user_id than a
-- UUID has characters, since a key that is too long would fail the application's insert. Built in
-- the file's transaction, writers of domain_events wait for one scan of the table. Where that is too
-- long, create it beforehand, CONCURRENTLY and under this name.
CREATE INDEX IF NOT EXISTS domain_events_resume_nudge_idx
    ON public.domain_events (project_id, lower("left"(payload ->> 'user_id', 36)))
    WHERE event_type = 'resume_incomplete_nudge';
