-- E-mails to be sent, by when: at once, or in a digest.
SELECT delivery_type, count(*) FROM public.pending_emails WHERE status = 'pending' GROUP BY 1
