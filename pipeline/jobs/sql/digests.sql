-- Make one digest for each person for whom e-mails wait, or pushes that were too much for the phone: one
-- page of people.
--
-- In: after, most and dry_run as pipeline.jobs.job.Pages says; since, when mail was switched on;
-- windows: {zone: {opens, oldest, cause}, or null outside the hours}; zone: that of people without a
-- known one; the earliest oldest and the latest opens of all windows.
-- Out: as Pages says. A digest is emitted; a person is skipped whose last digest is still on its way.
--
-- The row of a digest in fanout.deliveries has a key of the window and the person, so that each window
-- makes at most one. What it tells is locked first, in one order for all who run this statement: who
-- comes second waits, and then finds nothing. The status moves from pending to processing, as it does
-- for every sender of this table, and a row of fanout.digest_rows says to which digest each one belongs.
-- A push stays in the state digest until the digest ends; source_taken_at and fanout.digest_pushes say the
-- same of it.
-- All of it is one statement: a killed worker has made the digests of a page or none of them.
WITH given AS MATERIALIZED (
    SELECT %(windows)s::jsonb AS windows, max_age FROM fanout.channels WHERE channel = 'email'
),
page AS MATERIALIZED (
    SELECT user_id FROM (
        (
            SELECT user_id
            FROM public.pending_emails
            WHERE EXISTS (SELECT FROM given)
            AND delivery_type = 'aggregated'
            AND status = 'pending'
            AND created_at >= greatest(%(oldest)s::timestamptz, %(since)s::timestamptz)
            AND created_at < %(latest)s::timestamptz
            -- The first part lets an index find where the page begins.
            AND user_id >= coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
            AND user_id IS DISTINCT FROM %(after)s::uuid
            GROUP BY user_id
            ORDER BY user_id
            LIMIT %(most)s::int
        )
        UNION
        (
            SELECT user_id
            FROM fanout.deliveries
            WHERE EXISTS (SELECT FROM given)
            AND state = 'digest'
            AND source_taken_at IS NULL
            AND user_id >= coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
            AND user_id IS DISTINCT FROM %(after)s::uuid
            GROUP BY user_id
            ORDER BY user_id
            LIMIT %(most)s::int
        )
    ) AS either
    ORDER BY user_id
    LIMIT %(most)s::int
),
zoned AS MATERIALIZED (
    SELECT page.user_id,
           CASE WHEN (SELECT windows FROM given) ? own.zone
               THEN (SELECT windows FROM given) -> own.zone
               ELSE (SELECT windows FROM given) -> %(zone)s::text
           END AS its_window
    FROM page
    CROSS JOIN LATERAL (
        SELECT (
            SELECT zone FROM fanout.person_zones WHERE user_id = page.user_id LIMIT 1
        ) AS zone
        OFFSET 0
    ) AS own
),
open AS MATERIALIZED (
    SELECT user_id, cause, delivery_id, (its_window ->> 'opens')::timestamptz AS opens,
           greatest((its_window ->> 'oldest')::timestamptz, %(since)s::timestamptz) AS oldest,
           NOT EXISTS (SELECT FROM fanout.deliveries WHERE id = delivery_id OFFSET 0)
           AND NOT EXISTS (
               SELECT FROM fanout.deliveries AS other
               WHERE other.user_id = zoned.user_id
               AND other.source = 'digest_rows'
               AND other.state IN ('pending', 'leased', 'waiting', 'paused')
               OFFSET 0
           ) AS is_free
    FROM zoned
    CROSS JOIN LATERAL (
        SELECT its_window ->> 'cause' AS cause,
               fanout.delivery_id(its_window ->> 'cause', 'email', user_id::text) AS delivery_id
        OFFSET 0
    ) AS key
    WHERE jsonb_typeof(its_window) = 'object'
),
waiting AS MATERIALIZED (
    SELECT open.user_id, open.cause, open.delivery_id, open.opens, open.is_free, email.id
    FROM open
    CROSS JOIN LATERAL (
        SELECT id
        FROM public.pending_emails
        WHERE user_id = open.user_id
        AND delivery_type = 'aggregated'
        AND status = 'pending'
        AND created_at >= open.oldest
        AND created_at < open.opens
        -- Somebody has reset it.
        AND NOT EXISTS (
            SELECT FROM fanout.digest_rows WHERE email_id = pending_emails.id OFFSET 0
        )
        OFFSET 0
    ) AS email
    ORDER BY open.user_id, email.id
),
waiting_pushes AS MATERIALIZED (
    SELECT open.user_id, open.cause, open.delivery_id, open.opens, open.is_free, push.id
    FROM open
    CROSS JOIN LATERAL (
        SELECT id
        FROM fanout.deliveries
        WHERE user_id = open.user_id
        AND state = 'digest'
        AND source_taken_at IS NULL
        AND created_at < open.opens
        OFFSET 0
    ) AS push
    ORDER BY open.user_id, push.id
),
locked AS MATERIALIZED (
    SELECT waiting.user_id, waiting.cause, waiting.delivery_id, email.id
    FROM waiting
    CROSS JOIN LATERAL (
        -- With LIMIT the status is compared after the lock, and no other index than that of id is used.
        SELECT id, status FROM public.pending_emails WHERE id = waiting.id LIMIT 1 FOR UPDATE
    ) AS email
    WHERE waiting.is_free
    AND NOT %(dry_run)s::boolean
    AND email.status = 'pending'
),
locked_pushes AS MATERIALIZED (
    SELECT waiting_pushes.user_id, waiting_pushes.cause, waiting_pushes.delivery_id, push.id
    FROM waiting_pushes
    CROSS JOIN LATERAL (
        SELECT id, state, source_taken_at FROM fanout.deliveries
        WHERE id = waiting_pushes.id LIMIT 1 FOR NO KEY UPDATE
    ) AS push
    WHERE waiting_pushes.is_free
    AND NOT %(dry_run)s::boolean
    AND push.state = 'digest'
    AND push.source_taken_at IS NULL
),
made AS (
    INSERT INTO fanout.deliveries (
        id, cause, channel, recipient, kind, user_id, source, source_id, priority, expires_at
    )
    SELECT DISTINCT delivery_id, cause, 'email', user_id::text, 'digest_aggregated', user_id,
           'digest_rows', delivery_id::text, 3, now() + (SELECT max_age FROM given)
    FROM (
        SELECT user_id, cause, delivery_id FROM locked
        UNION ALL
        SELECT user_id, cause, delivery_id FROM locked_pushes
    ) AS told
    ORDER BY 1
    ON CONFLICT (id) DO NOTHING
    RETURNING id
),
-- Looked up below instead of joined: the planner cannot know the sizes of the two parts, and might
-- compare each row of one with each row of the other.
keys AS MATERIALIZED (
    SELECT coalesce(jsonb_object_agg(id, true), '{}') AS ids FROM made
),
bound AS (
    INSERT INTO fanout.digest_rows (email_id, delivery_id)
    SELECT id, delivery_id
    FROM locked
    WHERE (SELECT ids FROM keys) ? delivery_id::text
    ORDER BY id
    ON CONFLICT (email_id) DO NOTHING
    RETURNING email_id
),
taken AS (
    UPDATE public.pending_emails SET status = 'processing'
    WHERE id = ANY (ARRAY(SELECT email_id FROM bound))
),
bound_pushes AS (
    INSERT INTO fanout.digest_pushes (push_id, delivery_id)
    SELECT id, delivery_id
    FROM locked_pushes
    WHERE (SELECT ids FROM keys) ? delivery_id::text
    ORDER BY id
    ON CONFLICT (push_id) DO NOTHING
    RETURNING push_id
),
taken_pushes AS (
    UPDATE fanout.deliveries SET source_taken_at = now()
    WHERE id = ANY (ARRAY(SELECT push_id FROM bound_pushes))
),
due AS MATERIALIZED (
    SELECT user_id, is_free, opens, sum(emails) AS emails, sum(pushes) AS pushes
    FROM (
        SELECT user_id, is_free, opens, 1 AS emails, 0 AS pushes FROM waiting
        UNION ALL
        SELECT user_id, is_free, opens, 0, 1 FROM waiting_pushes
    ) AS either
    GROUP BY user_id, is_free, opens
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM due) AS due,
       (SELECT count(*) FROM made) AS emitted,
       CASE WHEN %(dry_run)s::boolean
           THEN (SELECT count(*) FROM due WHERE NOT is_free)
           ELSE (SELECT count(*) FROM due) - (SELECT count(*) FROM made)
       END AS skipped,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT user_id::text FROM page ORDER BY user_id DESC LIMIT 1
       ) END AS cursor,
       CASE WHEN %(dry_run)s::boolean THEN (
           SELECT jsonb_agg(
               jsonb_build_object(
                   'user_id', user_id, 'window', opens, 'emails', emails, 'pushes', pushes,
                   'would_notify', is_free
               ) ORDER BY user_id)
           FROM due
       ) END AS preview
