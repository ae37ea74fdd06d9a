-- The settings of the server, as this session has them.
SELECT
    current_setting('server_version') AS version,
    current_setting('server_version_num')::int AS version_number,
    current_setting('wal_level') AS wal_level,
    current_setting('synchronous_commit') AS synchronous_commit,
    (SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size')
        * 1024 * 1024 AS keep_bytes,
    -- New in Postgres 18. In seconds; 0 without a limit.
    (SELECT setting::bigint FROM pg_catalog.pg_settings
        WHERE name = 'idle_replication_slot_timeout') AS idle_seconds,
    pg_is_in_recovery() AS is_standby,
    -- Ours is read-only by a setting of its own: this is what a new session begins with.
    (SELECT reset_val FROM pg_catalog.pg_settings
        WHERE name = 'default_transaction_read_only') = 'on' AS is_read_only,
    current_setting('max_connections')::int AS max_connections,
    -- reserved_connections is new in Postgres 16.
    current_setting('superuser_reserved_connections')::int
        + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,
    (SELECT datconnlimit FROM pg_catalog.pg_database WHERE datname = current_database())
        AS database_limit,
    current_database() AS database,
    current_user AS role
