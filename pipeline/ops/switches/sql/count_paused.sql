-- How many events of a type wait because the type is or was paused. In: name.
SELECT count(*)
FROM public.notification_processing
WHERE processing_status = 'paused' AND event_type = %(name)s
