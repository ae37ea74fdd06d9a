-- Open dead letters by event type, stage and class, the most numerous first.
SELECT coalesce(letter.event_type, '') AS event_type, letter.stage, letter.error_class,
       count(*) AS letters, min(letter.created_at) AS oldest
FROM public.event_dead_letters AS letter
WHERE letter.resolved_at IS NULL
GROUP BY 1, 2, 3
ORDER BY letters DESC, 1, 2, 3
