-- The tables that a write of outcomes must wait for: another session locks them, or waits to.
SELECT DISTINCT locked.relation::regclass::text
FROM pg_locks AS locked
WHERE locked.locktype = 'relation'
AND locked.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND locked.mode IN (
    'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'
)
AND locked.pid <> pg_backend_pid()
AND locked.relation IN (
    to_regclass('public.domain_events'), to_regclass('public.notification_processing'),
    to_regclass('public.notifications'), to_regclass('public.pending_emails'),
    to_regclass('public.notification_decisions'), to_regclass('public.event_dead_letters'),
    to_regclass('public.profiles'), to_regclass('public.projects'),
    to_regclass('fanout.deliveries'), to_regclass('fanout.channels')
)
ORDER BY 1
