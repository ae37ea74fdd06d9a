-- Replays: those that have not ended, of the last day, since one may have ended without a word; and
-- seconds since the last one began.
SELECT
    count(*) FILTER (WHERE finished_at IS NULL AND started_at > now() - interval '1 day') AS running,
    extract(epoch FROM now() - max(started_at))::float8 AS last_seconds
FROM public.fanout_replays
