-- Make the deliveries of rows of activity.notifications. In: most: how many of each kind. Out: how many
-- rows were taken.
--
-- Rows that are older than the switch of the channel are never read, however many they are: an index
-- leads past them. Nor are rows from before the trigger that refuses broadcasts from others. Critical
-- rows come first, then young ones, then those that waited so long that they are not sent any more:
-- these end at once.
--
-- The nil UUID is everyone: a topic of the bus and a topic of phones, each a delivery of its own.
--
-- Others write the table, so a row may hold anything. Times that no program can read do not get into the
-- ledger. A row that tells nobody ends with an error.
WITH age AS MATERIALIZED (
    SELECT greatest(channel.since, installed.applied_at) AS since, channel.max_age,
        greatest(channel.since, installed.applied_at, now() - channel.max_age) AS young
    FROM fanout.channels AS channel, public.fanout_migrations AS installed
    WHERE channel.channel = 'bus' AND installed.name = 'activity/0001_notifications.sql'
),
taken AS MATERIALIZED (
    SELECT taken.*, age.max_age,
        greatest(taken.deliver_at, least(taken.created_at, now())) AS due_at
    FROM age
    CROSS JOIN LATERAL (
        VALUES (true, age.since, NULL), (false, age.young, NULL), (false, age.since, age.young)
    ) AS kind (is_critical, first, before)
    CROSS JOIN LATERAL (
        SELECT id, user_id, notification_type, priority, created_at, deliver_at, expires_at,
            nullif(collapse_key, '') AS collapse_key
        FROM activity.notifications
        WHERE NOT is_processed
            AND taken_at IS NULL
            AND coalesce(priority IN ('critical', 'urgent'), false) = kind.is_critical
            AND created_at >= kind.first
            AND coalesce(created_at < kind.before, true)
        ORDER BY created_at
        LIMIT %(most)s
        FOR UPDATE SKIP LOCKED
    ) AS taken
),
judged AS MATERIALIZED (
    SELECT id, user_id, collapse_key, created_at,
        'activity.notifications:' || id AS cause,
        user_id = '00000000-0000-0000-0000-000000000000' AS is_for_all,
        coalesce(notification_type, 'system') AS kind,
        CASE lower(priority)
            WHEN 'critical' THEN 0
            WHEN 'urgent' THEN 0
            WHEN 'high' THEN 1
            WHEN 'low' THEN 3
            ELSE 2
        END AS priority,
        CASE WHEN due_at < '9999-01-01' THEN due_at ELSE 'infinity' END AS due_at,
        CASE
            WHEN expires_at >= '9999-01-01' THEN NULL
            WHEN expires_at IS NOT NULL THEN greatest(expires_at, least(created_at, now()))
            WHEN due_at < '9999-01-01' THEN due_at + max_age
        END AS expires_at
    FROM taken
),
made AS (
    INSERT INTO fanout.deliveries (
        id, cause, channel, recipient, kind, user_id, source, source_id, priority,
        deliver_at, next_attempt_at, expires_at, collapse_key, state, finished_at, reason
    )
    SELECT fanout.delivery_id(cause, way.channel, way.recipient), cause, way.channel, way.recipient,
        kind, CASE WHEN NOT is_for_all THEN user_id END, 'activity.notifications', judged.id::text,
        priority, due_at, due_at, expires_at, collapse_key, ends.state, ends.at, ends.reason
    FROM judged
    CROSS JOIN LATERAL (
        SELECT 'bus' AS channel, user_id::text AS recipient WHERE NOT is_for_all
        UNION ALL
        SELECT 'bus', 'topic:global_notifications' WHERE is_for_all
        UNION ALL
        SELECT channel, 'topic:all' FROM fanout.channels WHERE is_for_all AND channel = 'fcm'
    ) AS way
    CROSS JOIN LATERAL (
        SELECT CASE WHEN expires_at <= now() THEN 'expired' ELSE 'pending' END AS state,
            CASE WHEN expires_at <= now() THEN now() END AS at,
            CASE WHEN expires_at <= now() THEN 'it came too late to be of use' END AS reason
    ) AS ends
    -- Of two rows with one collapse key, the later one replaces the other: by their sequence.
    ORDER BY created_at, judged.id, way.channel
    ON CONFLICT (id) DO NOTHING
),
marked AS (
    UPDATE activity.notifications AS marked SET
        taken_at = now(),
        is_processed = judged.user_id IS NULL OR coalesce(judged.expires_at <= now(), false),
        error_count = coalesce(marked.error_count, 0) + (judged.user_id IS NULL)::int,
        last_error = CASE
            WHEN judged.user_id IS NULL THEN 'user_id is missing: give the id of a person'
            WHEN judged.expires_at <= now() THEN 'bus: it came too late to be of use'
            ELSE marked.last_error
        END
    FROM judged
    WHERE marked.id = judged.id
)
SELECT count(*)::int FROM taken
