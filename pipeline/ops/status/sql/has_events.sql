-- Whether domain_events has a row.
SELECT EXISTS (SELECT FROM public.domain_events)
