-- Whether the server can be written, and what the database has. Without the fan-out, capture counts
-- only once Debezium has made its slot.
SELECT
    pg_is_in_recovery() AS is_standby,
    to_regclass('public.fanout_migrations') IS NOT NULL AS is_migrated,
    to_regclass('public.notification_decisions') IS NOT NULL AS has_fanout,
    EXISTS (
        SELECT FROM pg_catalog.pg_replication_slots
        WHERE slot_name = %(slot)s AND database = current_database()
    ) AS has_slot,
    to_regclass('fanout.graphs') IS NOT NULL AS has_graphs,
    to_regclass('fanout.job_runs') IS NOT NULL AS has_jobs,
    to_regclass('fanout.transactional_mails') IS NOT NULL AS has_mail,
    to_regclass('fanout.device_tokens') IS NOT NULL AS has_push,
    to_regclass('fanout.reactions') IS NOT NULL AS has_reactions
