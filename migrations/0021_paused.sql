-- The state of an event whose type is paused: it waits, and does not age meanwhile.

-- As in 0001: NOT VALID keeps the exclusive lock short; the scan is in 0022.
DO $$
DECLARE
    former name;
BEGIN
    FOR former IN
        SELECT constraint_.conname
        FROM pg_catalog.pg_constraint AS constraint_
        JOIN pg_catalog.pg_attribute AS attribute
            ON attribute.attrelid = constraint_.conrelid
            AND constraint_.conkey = ARRAY[attribute.attnum]
        WHERE constraint_.conrelid = 'public.notification_processing'::regclass
            AND constraint_.contype = 'c'
            AND attribute.attname = 'processing_status'
    LOOP
        EXECUTE format('ALTER TABLE public.notification_processing DROP CONSTRAINT %I', former);
    END LOOP;
END
$$;

ALTER TABLE public.notification_processing
    ADD CONSTRAINT notification_processing_status_check CHECK (
        processing_status IN (
            'pending', 'processing', 'paused', 'failed', 'completed', 'expired', 'unrouted', 'dead')
    ) NOT VALID,
    ADD COLUMN IF NOT EXISTS paused_at timestamptz;

COMMENT ON COLUMN public.notification_processing.paused_at IS
    'since when the event waits, or waited, because its type was paused: its age counts up to then';

GRANT UPDATE (paused_at) ON public.notification_processing TO fanout_writer;
