-- Whether there is any event at all.
SELECT EXISTS (SELECT FROM public.domain_events)
