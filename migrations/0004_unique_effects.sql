-- The keys themselves: what a redelivered event cannot write twice.

-- Built in the file's transaction, so writers (not readers) of the table wait for the length of the
-- build. CONCURRENTLY would spare them but cannot run in a transaction, and leaves an invalid index
-- when it fails. Where the wait is too long, create the indexes beforehand, CONCURRENTLY and under
-- these names, once the columns of 0002 exist: IF NOT EXISTS then passes, and the check below holds.
CREATE UNIQUE INDEX IF NOT EXISTS notifications_event_user_kind_key
    ON public.notifications (event_id, user_id, kind);

CREATE UNIQUE INDEX IF NOT EXISTS notifications_open_counter_key
    ON public.notifications (user_id, counter_thread_id)
    WHERE read_at IS NULL AND counter_thread_id IS NOT NULL;

-- Everything that is not completed is rare and looked for; what is completed is never scanned.
CREATE INDEX IF NOT EXISTS notification_processing_not_completed_idx
    ON public.notification_processing (processing_status, event_id)
    WHERE processing_status <> 'completed';

DO $$
DECLARE
    broken text;
BEGIN
    SELECT string_agg(index.indexrelid::regclass::text, ', ')
    INTO broken
    FROM pg_catalog.pg_index AS index
    WHERE index.indexrelid IN (
            'public.notifications_event_user_kind_key'::regclass,
            'public.notifications_open_counter_key'::regclass)
        AND NOT (index.indisvalid AND index.indisunique);
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'not a valid unique index: %', broken
        USING HINT = 'drop it and run migrate again';
    END IF;
END
$$;

-- The application has this key; where it was lost, one e-mail per event and person has to be made
-- true by whoever knows which of the rows to keep.
DO $$
BEGIN
    IF EXISTS (
        SELECT
        FROM pg_catalog.pg_index AS index
        WHERE index.indrelid = 'public.pending_emails'::regclass
            AND index.indisunique AND index.indimmediate AND index.indisvalid
            AND index.indpred IS NULL AND index.indexprs IS NULL
            AND index.indnkeyatts = 2
            AND (
                SELECT array_agg(attribute.attname ORDER BY attribute.attname)
                FROM pg_catalog.pg_attribute AS attribute
                WHERE attribute.attrelid = index.indrelid
                    AND attribute.attnum = ANY (index.indkey[0:1])
            ) = ARRAY['event_id', 'user_id']::name[]
    ) THEN
        RETURN;
    END IF;
    CREATE UNIQUE INDEX pending_emails_event_user_key
        ON public.pending_emails (event_id, user_id);
EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'pending_emails holds more than one e-mail for one event and person'
    USING HINT = 'find them with SELECT event_id, user_id FROM pending_emails '
        'GROUP BY 1, 2 HAVING count(*) > 1, keep one of each, and run migrate again';
END
$$;
