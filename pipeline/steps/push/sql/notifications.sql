-- What rows of notifications tell. In: ids; with_badges. Out: id, title, body, link, whether it is
-- read, and how many the person has not read: at most 100, since no badge shows more.
SELECT told.id, told.title, told.body, told.link_url, told.read_at IS NOT NULL,
    CASE WHEN %(with_badges)s THEN (
        SELECT count(*)::int FROM (
            SELECT FROM public.notifications AS unread
            WHERE unread.user_id = told.user_id AND unread.read_at IS NULL
            LIMIT 100
        ) AS counted
    ) END
FROM public.notifications AS told
WHERE told.id = ANY (%(ids)s)
