-- Records the start of a replay, or that one which has stopped goes on. Defaults of the columns hold the
-- login and the time. Harmless when repeated.
INSERT INTO public.fanout_replays (id, selector, note, planned)
VALUES (%(id)s, %(selector)s::jsonb, %(note)s, %(planned)s)
ON CONFLICT (id) DO UPDATE SET finished_at = NULL, result = NULL
