-- The lowest and the highest id in domain_events.
SELECT min(id), max(id) FROM public.domain_events
