-- The lowest and the highest id of events there are.
SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM public.domain_events
