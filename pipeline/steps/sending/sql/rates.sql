-- How many requests each provider allows now. In: names of rate limits.
SELECT name, CASE
    WHEN blocked_until > now() THEN 0
    ELSE floor(least(burst, tokens + per_second * extract(epoch FROM now() - refilled_at)))::int
END
FROM fanout.rate_limits
WHERE name = ANY (%(names)s)
