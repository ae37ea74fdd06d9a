-- How many rows of a person the application has to delete itself, of those that the pipeline wrote or
-- reads by their id.
SELECT 'notifications', (SELECT count(*) FROM public.notifications WHERE user_id = %(user)s)
UNION ALL
SELECT 'pending_emails', (SELECT count(*) FROM public.pending_emails WHERE user_id = %(user)s)
UNION ALL
SELECT 'user_notification_preferences',
       (SELECT count(*) FROM public.user_notification_preferences WHERE user_id = %(user)s)
UNION ALL
SELECT 'profiles', (SELECT count(*) FROM public.profiles WHERE id = %(user)s)
