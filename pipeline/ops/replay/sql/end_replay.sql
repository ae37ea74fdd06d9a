-- Records the end of a replay.
UPDATE public.fanout_replays
SET finished_at = now(), published = %(published)s, result = %(result)s
WHERE id = %(id)s
