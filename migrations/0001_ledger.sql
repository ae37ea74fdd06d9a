-- The ledger: three more final states, and what each event came to.

-- The application's constraint may bear any name. NOT VALID keeps the exclusive lock short; the
-- scan that makes it valid is in 0003, under a lock that lets everyone go on.
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
            'pending', 'processing', 'failed', 'completed', 'expired', 'unrouted', 'dead')
    ) NOT VALID,
    ADD COLUMN IF NOT EXISTS event_type text,
    ADD COLUMN IF NOT EXISTS reason text,
    ADD COLUMN IF NOT EXISTS notifications int,
    ADD COLUMN IF NOT EXISTS emails int,
    ADD COLUMN IF NOT EXISTS skipped int,
    ADD COLUMN IF NOT EXISTS event_created_at timestamptz,
    ADD COLUMN IF NOT EXISTS pipeline_version text;

COMMENT ON COLUMN public.notification_processing.reason IS
    'why the state is not completed: one word or an error class, never an event''s values';
COMMENT ON COLUMN public.notification_processing.skipped IS
    'how many rows of notification_decisions the event left';
COMMENT ON COLUMN public.notification_processing.event_created_at IS
    'created_at of the event, so that latency needs no join';
