-- How many events of a type wait, since it is, or was, paused. In: name.
SELECT count(*)
FROM public.notification_processing
WHERE processing_status = 'paused' AND event_type = %(name)s
