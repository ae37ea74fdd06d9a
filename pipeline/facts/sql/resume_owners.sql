-- Whether the person whom a nudge names may have it.
-- In: [{event_id, user_id, project_id, resume_type, nudge_tier}]; the last four are the nudge's key.
--
-- Nobody hears the same nudge from two events, in whatever order, batches and processes these are
-- decided. An event is left out if another one with its key
--   1. has told the person: by a notification, or by e-mail where notifications are muted; or
--   2. has a smaller id and no final state yet, and so may still tell them.
-- While several are open, 2 lets only the smallest id through. Its final state and its rows are
-- committed together and read here in one snapshot, so whoever no longer sees it open sees 1.
--
-- Two limits:
--   * An event that becomes visible, or is replayed, between the look of a later one at this and
--     the write that follows can pass beside it: that takes ids out of the order of commits.
--   * An event waited for by 2 may come to nothing: expired, dead, no owner any more. The nudge is
--     then lost instead of doubled, until its job emits it again.
WITH asked AS MATERIALIZED (
    SELECT *
    FROM jsonb_to_recordset(%(asked)s) AS asked (
        event_id bigint, user_id uuid, project_id uuid, resume_type text, nudge_tier text
    )
)
SELECT asked.event_id, asked.user_id,
       CASE
           WHEN owner.user_id IS NULL THEN 'not_owner'
           WHEN coalesce(notified.already, other.already) THEN 'already_nudged'
       END AS exclusion
FROM asked
LEFT JOIN public.projects AS project ON project.id = asked.project_id
LEFT JOIN public.org_members AS owner
    ON owner.org_id = project.owner_org_id
    AND owner.user_id = asked.user_id
    AND owner.role = 'owner'
-- Lateral with a limit: one look into an index for each event asked about.
LEFT JOIN LATERAL (
    SELECT true AS already
    FROM public.notifications AS notification
    WHERE notification.user_id = asked.user_id
        AND notification.payload ->> 'type' = 'resume_incomplete_nudge'
        AND notification.payload ->> 'resume_type' = asked.resume_type
        AND notification.payload ->> 'nudge_tier' = asked.nudge_tier
        AND notification.payload ->> 'project_id' = asked.project_id::text
        AND notification.event_id <> asked.event_id
    LIMIT 1
) AS notified ON true
LEFT JOIN LATERAL (
    SELECT true AS already
    FROM public.domain_events AS event
    LEFT JOIN public.notification_processing AS ledger ON ledger.event_id = event.id
    LEFT JOIN public.pending_emails AS email
        ON email.event_id = event.id AND email.user_id = asked.user_id
    WHERE event.event_type = 'resume_incomplete_nudge'
        AND event.project_id = asked.project_id
        AND lower(left(event.payload ->> 'user_id', 36)) = asked.user_id::text
        AND event.payload ->> 'resume_type' = asked.resume_type
        -- As the payload's model reads it: 1 and 1.0 are one tier.
        AND regexp_replace(event.payload ->> 'nudge_tier', '[.]0*$', '') = asked.nudge_tier
        AND event.id <> asked.event_id
        AND (
            email.event_id IS NOT NULL
            OR event.id < asked.event_id
                -- Without a percentage it can only come to nothing.
                AND event.payload ->> 'completion_percent' <> ''
                AND coalesce(ledger.processing_status, 'pending')
                    NOT IN ('completed', 'expired', 'unrouted', 'dead')
        )
    LIMIT 1
) AS other ON true
ORDER BY asked.event_id
