-- Grants of calendars that Google no longer accepts.
SELECT
    count(*) AS revoked,
    coalesce(extract(epoch FROM now() - min(since)), 0)::float8 AS oldest_seconds
FROM fanout.calendar_grants
