-- What people got from an event, by person. In: its id; one person, or NULL for everyone; the person
-- after whom to begin, or NULL; and how many rows to read at most, or NULL.
-- The subquery looks up each name by itself, because an event may have many thousands of people and
-- the planner may choose a bad join.
SELECT received.user_id,
       (
           SELECT coalesce(nullif(full_name, ''), email)
           FROM public.profiles WHERE id = received.user_id
       ) AS name,
       received.channel, received.what, received.delivery, received.status, received.since
FROM (
    SELECT user_id, id, 'in_app' AS channel, title AS what, NULL AS delivery,
           CASE WHEN read_at IS NULL THEN 'unread' ELSE 'read' END AS status, read_at AS since
    FROM public.notifications
    WHERE event_id = %(event)s
    UNION ALL
    SELECT user_id, id, 'email', subject, delivery_type, status, processed_at
    FROM public.pending_emails
    WHERE event_id = %(event)s
) AS received
WHERE (%(user)s::uuid IS NULL OR received.user_id = %(user)s::uuid)
    AND (%(after)s::uuid IS NULL OR received.user_id > %(after)s::uuid)
ORDER BY received.user_id, received.channel DESC, received.id
LIMIT %(most)s::bigint
