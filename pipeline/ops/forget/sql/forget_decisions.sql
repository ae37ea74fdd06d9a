-- Deletes the decisions about a person: one page, by primary key.
--
-- In: user; after, the cursor of the page before, or NULL; most, the most rows to look at; dry_run, to
-- delete nothing. Out: how many rows are about the person, and the cursor: NULL after the last page.
WITH page AS MATERIALIZED (
    SELECT event_id, user_id, channel, ctid AS place
    FROM public.notification_decisions
    -- The first part lets the index find where the page begins, in any plan.
    WHERE (event_id, user_id, channel) >= (
        coalesce((%(after)s::jsonb ->> 0)::bigint, -9223372036854775808),
        coalesce((%(after)s::jsonb ->> 1)::uuid, '00000000-0000-0000-0000-000000000000'),
        coalesce(%(after)s::jsonb ->> 2, '')
    )
    AND (
        %(after)s::text IS NULL
        OR (event_id, user_id, channel) <> (
            (%(after)s::jsonb ->> 0)::bigint,
            (%(after)s::jsonb ->> 1)::uuid,
            %(after)s::jsonb ->> 2
        )
    )
    ORDER BY event_id, user_id, channel
    LIMIT %(most)s::int
),
deleted AS (
    DELETE FROM public.notification_decisions AS decision
    WHERE NOT %(dry_run)s::boolean
    AND decision.ctid = ANY (ARRAY(SELECT place FROM page WHERE user_id = %(user)s))
    AND decision.user_id = %(user)s
    RETURNING true
)
SELECT CASE WHEN %(dry_run)s::boolean
           THEN (SELECT count(*) FROM page WHERE user_id = %(user)s)
           ELSE (SELECT count(*) FROM deleted)
       END,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT jsonb_build_array(event_id, user_id, channel)::text
           FROM page
           ORDER BY event_id DESC, user_id DESC, channel DESC
           LIMIT 1
       ) END
