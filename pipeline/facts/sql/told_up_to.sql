-- How far an event has got that is told in pages: the last user id told; NULL before the first page.
SELECT told[2] FROM public.notification_processing
WHERE event_id = %(event)s AND processing_status <> 'completed'
