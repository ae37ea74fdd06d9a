-- Who it is and when it began are the column's defaults. Harmless when repeated.
INSERT INTO public.fanout_replays (id, selector, note, planned)
VALUES (%(id)s, %(selector)s::jsonb, %(note)s, %(planned)s)
ON CONFLICT (id) DO NOTHING
