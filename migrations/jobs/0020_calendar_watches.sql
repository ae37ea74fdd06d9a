-- What the job renew-calendar-watches keeps besides the application's calendar_connections.

-- Channels at Google that are to be stopped, or are being made. A row is written before Google is
-- asked for a channel: whatever happens afterwards, the channel is known here.
CREATE TABLE fanout.calendar_channels (
    id            uuid PRIMARY KEY,
    connection_id uuid NOT NULL,
    channel_id    text NOT NULL,
    resource_id   text,
    state         text NOT NULL CHECK (state IN ('making', 'stopping')),
    claimed_until timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL
);
-- One process at a time renews the watch of a connection.
CREATE UNIQUE INDEX calendar_channels_making_idx
    ON fanout.calendar_channels (connection_id) WHERE state = 'making';
CREATE INDEX calendar_channels_connection_id_idx ON fanout.calendar_channels (connection_id);

COMMENT ON COLUMN fanout.calendar_channels.resource_id IS
    'as Google names what is watched; NULL: not known, as an answer was lost';
COMMENT ON COLUMN fanout.calendar_channels.claimed_until IS
    'until then the process that wrote the row works on it';
COMMENT ON COLUMN fanout.calendar_channels.expires_at IS
    'from then on the channel has ended by itself, and the row is of no use';

-- Grants that Google no longer accepts. Not asked for again until the refresh token is another one.
CREATE TABLE fanout.calendar_grants (
    connection_id        uuid PRIMARY KEY,
    state                text NOT NULL CHECK (state = 'revoked'),
    reason               text NOT NULL,
    since                timestamptz NOT NULL,
    refresh_token_sha256 bytea NOT NULL
);

COMMENT ON COLUMN fanout.calendar_grants.reason IS
    'a word of Google''s, such as invalid_grant, or no_refresh_token';
COMMENT ON COLUMN fanout.calendar_grants.refresh_token_sha256 IS
    'of the refresh token that was refused; a row counts only while the connection has this token';

GRANT SELECT, DELETE,
    INSERT (id, connection_id, channel_id, state, claimed_until, expires_at),
    UPDATE (channel_id, resource_id, state, claimed_until, expires_at)
    ON fanout.calendar_channels TO fanout_jobs;
GRANT SELECT, DELETE,
    INSERT (connection_id, state, reason, since, refresh_token_sha256),
    UPDATE (reason, since, refresh_token_sha256)
    ON fanout.calendar_grants TO fanout_jobs;
GRANT SELECT ON fanout.calendar_grants TO fanout_operator;

-- The application's table, where there is one. One that is made later needs the same.
DO $$
BEGIN
    IF to_regclass('public.calendar_connections') IS NULL THEN
        RETURN;
    END IF;
    GRANT SELECT (
        id, provider, sync_enabled, calendar_list, access_token, refresh_token, token_expires_at,
        watch_channel_id, watch_resource_id, watch_expiration
    ), UPDATE (
        access_token, refresh_token, token_expires_at,
        watch_channel_id, watch_resource_id, watch_expiration
    ) ON public.calendar_connections TO fanout_jobs;
    -- As in 0009 of the fan-out: no row is hidden from the role.
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_policies
        WHERE schemaname = 'public' AND tablename = 'calendar_connections'
            AND policyname = 'fanout_jobs'
    ) THEN
        CREATE POLICY fanout_jobs ON public.calendar_connections TO fanout_jobs
            USING (true) WITH CHECK (true);
    END IF;
END
$$;
