-- The types of events without a handler, the most numerous first. In: most. Out: with the number of the
-- events of each, of the events of all types, and of the types.
SELECT event_type, count(*) AS events, (sum(count(*)) OVER ())::bigint AS of_all,
    count(*) OVER () AS kinds
FROM fanout.reactions
WHERE state = 'unrouted'
GROUP BY event_type
ORDER BY events DESC, event_type
LIMIT %(most)s
