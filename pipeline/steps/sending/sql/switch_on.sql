-- Switch a channel on, and name the rate limits that are not there yet.
-- In: channel; limits: [{name, per_second, burst}].
WITH channel AS (
    INSERT INTO fanout.channels (channel) VALUES (%(channel)s) ON CONFLICT (channel) DO NOTHING
)
INSERT INTO fanout.rate_limits (name, per_second, burst, tokens)
SELECT name, per_second, burst, burst
FROM jsonb_to_recordset(%(limits)s::jsonb) AS wanted (name text, per_second float8, burst float8)
ON CONFLICT (name) DO NOTHING
