-- Whether the person named by a nudge may get it.
-- In: [{event_id, user_id, project_id, resume_type, nudge_tier, anchor}], the last five of which are
-- the nudge's key; and the time before which an event is expired, or null.
--
-- The anchor is the time of the last edit, as text with six decimal places. If it is null, events of
-- any anchor have the same key. If it is not, events with another anchor have another key, and so do
-- events without an anchor that are older than it.
--
-- Nobody gets the same nudge from two events, in any order and from any batches and processes. An
-- event is excluded if another event with the same key
--   1. has reached the person: by a notification that still exists, or only by e-mail, because they
--      muted the app. The application takes back a nudge by deleting its notification, for example
--      when the owner continues editing. Such a nudge no longer counts; or
--   2. has a smaller id, no final state yet, and can still reach them: it is not expired and its
--      payload is valid.
-- While several events are open, rule 2 lets only the smallest id through. Its final state and its
-- rows are committed together and read here in one snapshot. So once rule 2 no longer applies to it,
-- rule 1 does.
--
-- Two limits:
--   * An event may become visible, or be replayed, after a later event has run this query and before
--     that one is written. Then both are sent. It needs ids that commit out of order.
--   * The event of rule 2 may reach nobody after all: it expires within the second, or the person is
--     no longer an owner. Then the nudge is lost instead of sent twice, until its job emits it again.
SELECT asked.event_id, asked.user_id,
       CASE
           WHEN NOT EXISTS (
               SELECT FROM public.org_members
               WHERE org_id = (SELECT owner_org_id FROM public.projects WHERE id = asked.project_id)
               AND user_id = asked.user_id
               AND role = 'owner'
               OFFSET 0
           ) THEN 'not_owner'
           WHEN EXISTS (
               SELECT FROM public.notifications
               WHERE user_id = asked.user_id
               AND payload ->> 'type' = 'resume_incomplete_nudge'
               AND payload ->> 'resume_type' = asked.resume_type
               AND payload ->> 'nudge_tier' = asked.nudge_tier
               AND payload ->> 'project_id' = asked.project_id::text
               AND event_id <> asked.event_id
               AND CASE
                   WHEN asked.anchor IS NULL THEN true
                   WHEN payload ->> 'anchor_activity_at' IS NULL
                   THEN created_at >= asked.anchor::timestamptz
                   ELSE payload ->> 'anchor_activity_at' = asked.anchor
               END
               OFFSET 0
           ) OR EXISTS (
               SELECT
               FROM public.domain_events AS event
               LEFT JOIN LATERAL (
                   SELECT processing_status, notifications
                   FROM public.notification_processing
                   WHERE event_id = event.id
                   OFFSET 0
               ) AS ledger ON true
               WHERE event.event_type = 'resume_incomplete_nudge'
               AND event.project_id = asked.project_id
               AND lower(left(event.payload ->> 'user_id', 36)) = asked.user_id::text
               AND event.payload ->> 'resume_type' = asked.resume_type
               -- As in the payload model: 1 and 1.0 are the same tier.
               AND regexp_replace(event.payload ->> 'nudge_tier', '[.]0*$', '') = asked.nudge_tier
               AND event.id <> asked.event_id
               AND CASE
                   WHEN asked.anchor IS NULL THEN true
                   WHEN event.payload ->> 'anchor_activity_at' IS NULL
                   THEN event.created_at >= asked.anchor::timestamptz
                   ELSE event.payload ->> 'anchor_activity_at' = asked.anchor
               END
               AND CASE
                   WHEN ledger.processing_status = 'completed'
                   THEN ledger.notifications = 0 AND EXISTS (
                       SELECT FROM public.pending_emails
                       WHERE event_id = event.id AND user_id = asked.user_id
                       OFFSET 0
                   )
                   WHEN ledger.processing_status IN ('expired', 'unrouted', 'dead')
                   THEN false
                   -- Retention has deleted its ledger row: see migrations/0025_retention_marks.sql.
                   WHEN ledger.processing_status IS NULL AND event.created_at < (
                       SELECT created_before
                       FROM fanout.retention_marks
                       WHERE last_event_id >= event.id
                       ORDER BY last_event_id
                       LIMIT 1
                   )
                   THEN false
                   ELSE event.id < asked.event_id
                       AND isfinite(event.created_at)
                       AND event.created_at > coalesce(
                           %(expired_before)s::timestamptz, '-infinity')
                       AND length(event.payload ->> 'user_id') = 36
                       AND jsonb_typeof(event.payload -> 'resume_type') = 'string'
                       AND CASE jsonb_typeof(event.payload -> 'completion_percent')
                           WHEN 'number'
                           THEN (event.payload ->> 'completion_percent')::numeric >= 0
                               AND (event.payload ->> 'completion_percent')::numeric < 2147483648
                           WHEN 'string'
                           THEN event.payload ->> 'completion_percent' ~ '^[0-9]{1,9}([.]0*)?$'
                           ELSE false
                       END
               END
               OFFSET 0
           ) THEN 'already_nudged'
       END AS exclusion
FROM jsonb_to_recordset(%(asked)s) AS asked (
    event_id bigint, user_id uuid, project_id uuid, resume_type text, nudge_tier text, anchor text
)
ORDER BY asked.event_id
