-- Open dead letters by the class of their error, and how many causes they have.
SELECT error_class, sum(letters)::bigint AS letters, count(*) AS causes
FROM (
    -- As the view fanout_failures, which a database without the fan-out does not have.
    SELECT
        (array_agg(error_class ORDER BY last_seen_at DESC, id DESC))[1] AS error_class,
        count(*) AS letters
    FROM public.event_dead_letters
    WHERE resolved_at IS NULL
    GROUP BY fingerprint
) AS failure
GROUP BY error_class
