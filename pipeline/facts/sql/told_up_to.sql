-- The last user id of the pages already written, of an event that is processed in pages. NULL before
-- the first page.
SELECT told[2] FROM public.notification_processing
WHERE event_id = %(event)s AND processing_status <> 'completed'
