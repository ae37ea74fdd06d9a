-- Columns of an event that fanout_viewer may read besides those of 0027.
GRANT SELECT (resource_id, meeting_id) ON public.domain_events TO fanout_viewer;
