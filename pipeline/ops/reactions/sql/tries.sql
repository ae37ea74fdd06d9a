-- Every try at one event of reactions, the first one first. In: reaction, its id.
SELECT number, result, error_class, code, reason, started_at, finished_at
FROM fanout.attempts
WHERE source = 'events' AND record_id = %(reaction)s::uuid::text
ORDER BY number
