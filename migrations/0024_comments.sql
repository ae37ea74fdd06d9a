-- Plain wording for comments on tables, columns and views. Nothing else changes.

COMMENT ON COLUMN public.notification_processing.reason IS
    'the cause if the state is not completed: one word or an error class, never a value of the event';
COMMENT ON COLUMN public.notification_processing.skipped IS
    'number of rows in notification_decisions for the event';
COMMENT ON COLUMN public.notification_processing.event_created_at IS
    'copy of domain_events.created_at, so that latency needs no join';
COMMENT ON COLUMN public.notification_processing.told IS
    'for an event with many recipients, which is written in pages: the last user id of the page before'
    ' (NULL for the first page), and the last user id of the page written last';
COMMENT ON COLUMN public.notification_processing.paused_at IS
    'when the event began to wait because its type was paused; its age counts up to this time';

COMMENT ON COLUMN public.notifications.kind IS
    'payload.type, or else the event type; NULL in older rows that have no unique key';
COMMENT ON COLUMN public.notifications.counter_thread_id IS
    'the thread whose messages the row counts; a user has at most one unread row for each thread';

COMMENT ON COLUMN public.notification_decisions.preference_id IS
    'the row of user_notification_preferences that caused the skip; it may be deleted by now';

COMMENT ON COLUMN public.fanout_heartbeat.lsn IS
    'end of the write-ahead log when the row was inserted; NULL in rows of earlier releases';

COMMENT ON TABLE fanout.age_exemptions IS
    'events that a replay exempts from the age limit';
COMMENT ON TABLE fanout.messages_seen IS
    'when the stream last received each form of message: ids (an id only), payloads (a whole row)';

COMMENT ON VIEW public.fanout_events_per_minute IS
    'events by the minute of their final state; always add a condition on minute';
COMMENT ON VIEW public.fanout_latency IS
    'seconds from an event''s created_at to its rows, by minute; always add a condition on minute';
COMMENT ON VIEW public.fanout_failures IS
    'open dead letters by cause; error_class, stage, message and sample_event_id are from the newest';
