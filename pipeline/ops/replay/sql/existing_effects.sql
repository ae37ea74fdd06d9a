-- All rows that people got from these events. kind is NULL if the application wrote the row itself.
SELECT event_id, user_id, 'in_app', kind
FROM public.notifications
WHERE event_id = ANY (%(ids)s::bigint[])
UNION ALL
SELECT event_id, user_id, 'email', NULL
FROM public.pending_emails
WHERE event_id = ANY (%(ids)s::bigint[])
