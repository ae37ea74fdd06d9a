-- What rows of activity.notifications tell, in a line. In: ids. Out: id, title and link, which the payload
-- may hold.
SELECT id, title, nullif(coalesce(payload ->> 'link', payload ->> 'url'), '')
FROM activity.notifications
WHERE id = ANY (%(ids)s)
