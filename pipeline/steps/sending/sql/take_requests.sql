-- Take requests of what a provider allows. In: name, wanted. Out: how many were taken.
UPDATE fanout.rate_limits AS limits SET
    tokens = found.available - found.granted,
    refilled_at = now()
FROM (
    SELECT name, available, CASE
        WHEN blocked_until > now() THEN 0
        ELSE least(floor(available), %(wanted)s)
    END AS granted
    FROM (
        SELECT name, blocked_until,
            least(burst, tokens + per_second * extract(epoch FROM now() - refilled_at)) AS available
        FROM fanout.rate_limits
        WHERE name = %(name)s
        FOR UPDATE
    ) AS locked
) AS found
WHERE limits.name = found.name
RETURNING found.granted::int
