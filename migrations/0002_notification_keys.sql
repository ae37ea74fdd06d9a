-- The columns that make a second notification, or a second open counter, impossible.

-- Both are new and nullable: rows that already break the rule keep NULL, which no key forbids. A
-- column without default is a change of the catalog only, whatever the size of the table.
ALTER TABLE public.notifications
    ADD COLUMN IF NOT EXISTS kind text,
    ADD COLUMN IF NOT EXISTS counter_thread_id uuid;

COMMENT ON COLUMN public.notifications.kind IS
    'what the row says of its event: payload.type, else the event type; NULL on rows before the key';
COMMENT ON COLUMN public.notifications.counter_thread_id IS
    'the thread whose messages this row counts; at most one unread row per user and thread';
