-- Gives existing notifications their keys: one row for each, the others stay as they are.

-- Apart from the files before and after it, so that these scans hold neither the exclusive lock of
-- new columns nor the write lock of new indexes. One UPDATE, so each row is written once at most:
-- the table has REPLICA IDENTITY FULL and every change of it is sent to the browsers.
WITH keyed AS (
    SELECT
        notification.id,
        notification.event_id,
        notification.user_id,
        notification.read_at,
        notification.created_at,
        coalesce(nullif(notification.payload ->> 'type', ''), event.event_type) AS kind,
        CASE
            WHEN notification.payload ->> 'type' = 'thread_activity'
                AND notification.payload ->> 'thread_id'
                    ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
            THEN (notification.payload ->> 'thread_id')::uuid
        END AS thread_id
    FROM public.notifications AS notification
    JOIN public.domain_events AS event ON event.id = notification.event_id
),
first_of_its_kind AS (
    SELECT DISTINCT ON (event_id, user_id, kind) id, kind
    FROM keyed
    ORDER BY event_id, user_id, kind, id
),
open_counter AS (
    SELECT DISTINCT ON (user_id, thread_id) id, thread_id
    FROM keyed
    WHERE read_at IS NULL AND thread_id IS NOT NULL
    ORDER BY user_id, thread_id, created_at DESC, id DESC
)
UPDATE public.notifications AS notification
SET kind = first_of_its_kind.kind,
    counter_thread_id = open_counter.thread_id
FROM first_of_its_kind
FULL JOIN open_counter ON open_counter.id = first_of_its_kind.id
WHERE notification.id = coalesce(first_of_its_kind.id, open_counter.id)
    AND notification.kind IS NULL
    AND notification.counter_thread_id IS NULL;

ALTER TABLE public.notification_processing
    VALIDATE CONSTRAINT notification_processing_status_check;
