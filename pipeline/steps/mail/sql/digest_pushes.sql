-- Which pushes digests tell, the oldest first: they were too much for the phone. In: ids of deliveries.
-- Out: the digest, the push, why it was left out so far, whether the mail was frozen for a provider; person,
-- cause, kind, source and id of the source; title and link, of a notification; project and its name; and why
-- it is not to be told now. Pushes are left out here that have ended meanwhile.
--
-- Of several pushes about one row, such as messages that one notification counts, the newest tells it. What
-- an e-mail tells, whenever it goes out, is not told twice.
SELECT told.delivery_id, told.push_id, told.left_out, EXISTS (
        SELECT FROM fanout.delivery_bodies WHERE delivery_id = told.delivery_id OFFSET 0
    ),
    push.user_id, push.cause, push.kind, push.source, push.source_id,
    notification.title, notification.link_url, project.id, project.name,
    CASE
        WHEN push.expires_at <= now() THEN 'expired'
        WHEN push.source = 'notifications' AND notification.id IS NULL THEN 'gone'
        WHEN notification.read_at IS NOT NULL THEN 'read'
        WHEN EXISTS (
            SELECT FROM public.pending_emails
            WHERE event_id = event.id AND user_id = push.user_id
            OFFSET 0
        ) THEN 'mailed'
        WHEN lead(push.id) OVER about_the_same IS NOT NULL THEN 'same'
    END
FROM unnest(%(ids)s::uuid[]) AS asked (id)
CROSS JOIN LATERAL (
    SELECT * FROM fanout.digest_pushes WHERE delivery_id = asked.id OFFSET 0
) AS told
CROSS JOIN LATERAL (
    SELECT *, substring(cause FROM '^domain_events:([0-9]{1,18})$')::bigint AS event_id
    FROM fanout.deliveries
    WHERE id = told.push_id AND state = 'digest'
    OFFSET 0
) AS push
LEFT JOIN LATERAL (
    SELECT id, title, link_url, read_at
    FROM public.notifications
    WHERE push.source = 'notifications' AND id = push.source_id::bigint
    OFFSET 0
) AS notification ON true
LEFT JOIN LATERAL (
    SELECT id, project_id FROM public.domain_events WHERE id = push.event_id OFFSET 0
) AS event ON true
LEFT JOIN LATERAL (
    SELECT id, name FROM public.projects WHERE id = event.project_id OFFSET 0
) AS project ON true
WINDOW about_the_same AS (
    PARTITION BY told.delivery_id, push.source, push.source_id ORDER BY push.sequence
)
ORDER BY told.delivery_id, push.created_at, push.sequence
