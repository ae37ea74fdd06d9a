-- The types of events without a handler, the most numerous first. In: most.
SELECT event_type, count(*) AS events
FROM fanout.reactions
WHERE state = 'unrouted'
GROUP BY event_type
ORDER BY events DESC, event_type
LIMIT %(most)s
