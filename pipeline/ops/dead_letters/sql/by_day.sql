-- Dead letters by the day (UTC) on which they were first seen, the latest days first.
SELECT (letter.created_at AT TIME ZONE 'UTC')::date AS day,
       count(*) AS letters,
       count(*) FILTER (WHERE letter.resolved_at IS NULL) AS open
FROM public.event_dead_letters AS letter
GROUP BY 1
ORDER BY 1 DESC
LIMIT %(days)s
