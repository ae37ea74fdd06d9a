-- What rows of notifications tell. In: ids; with_badges. Out: id, title, body, link, whether it is
-- read, and how many the person has not read: at most 100, since no badge shows more. They are
-- counted once for each person, however many rows of a person are asked for.
WITH told AS MATERIALIZED (
    SELECT id, user_id, title, body, link_url, read_at IS NOT NULL AS is_read
    FROM public.notifications
    WHERE id = ANY (%(ids)s)
),
badge AS MATERIALIZED (
    SELECT user_id, (
        SELECT count(*)::int FROM (
            SELECT FROM public.notifications AS unread
            WHERE unread.user_id = person.user_id AND unread.read_at IS NULL
            LIMIT 100
        ) AS counted
    ) AS unread
    FROM (SELECT DISTINCT user_id FROM told WHERE %(with_badges)s AND NOT is_read) AS person
)
SELECT told.id, title, body, link_url, is_read, badge.unread
FROM told
LEFT JOIN badge ON badge.user_id = told.user_id
