-- The lowest and the highest id of events there are.
SELECT min(id), max(id) FROM public.domain_events
