-- The connections to Google whose watch ends soon, or that have a channel to be stopped: one page, by id.
SELECT
    id,
    is_due,
    EXISTS (
        SELECT FROM fanout.calendar_grants AS revoked
        WHERE revoked.connection_id = connection.id
            AND revoked.refresh_token_sha256
                = sha256(convert_to(coalesce(refresh_token, ''), 'UTF8'))
    ) AS is_revoked,
    has_leftovers,
    -- The primary calendar, or else the first selected one. The list may hold anything.
    coalesce(
        jsonb_path_query_first(
            calendar_list,
            '$[*] ? (@.primary == true && @.id.type() == "string" && @.id != "").id',
            silent => true) #>> '{}',
        jsonb_path_query_first(
            calendar_list,
            '$[*] ? (@.selected == true && @.id.type() == "string" && @.id != "").id',
            silent => true) #>> '{}',
        'primary'
    ) AS calendar_id,
    watch_channel_id,
    watch_resource_id,
    access_token,
    refresh_token,
    coalesce(token_expires_at > %(now)s::timestamptz + interval '5 minutes', false) AS is_fresh
FROM public.calendar_connections AS connection
CROSS JOIN LATERAL (
    SELECT
        coalesce(
            watch_channel_id IS NOT NULL
            AND watch_expiration <= %(now)s::timestamptz + interval '24 hours'
            AND sync_enabled IS NOT false, false) AS is_due,
        EXISTS (
            SELECT FROM fanout.calendar_channels AS channel
            WHERE channel.connection_id = connection.id AND channel.claimed_until <= now()
        ) AS has_leftovers
) AS state
WHERE provider = 'google'
    AND (is_due OR has_leftovers)
    AND (%(after)s::uuid IS NULL OR id > %(after)s::uuid)
ORDER BY id
LIMIT %(most)s
