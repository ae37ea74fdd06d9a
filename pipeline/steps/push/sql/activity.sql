-- What rows of activity.notifications tell. In: ids. Out: id, title, message and link, which the
-- payload may hold.
SELECT id, title, message, nullif(coalesce(payload ->> 'link', payload ->> 'url'), '')
FROM activity.notifications
WHERE id = ANY (%(ids)s)
