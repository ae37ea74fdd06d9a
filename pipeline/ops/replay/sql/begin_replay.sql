-- Records the start of a replay. Defaults of the columns hold the login and the time. Harmless when
-- repeated.
INSERT INTO public.fanout_replays (id, selector, note, planned)
VALUES (%(id)s, %(selector)s::jsonb, %(note)s, %(planned)s)
ON CONFLICT (id) DO NOTHING
