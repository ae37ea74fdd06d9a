-- The mark of the ledger, and the event that holds it up: the next one, if it is old enough and has no
-- final state. In: days, how long a ledger row is kept. Out: one row.
WITH mark AS MATERIALIZED (
    SELECT last_event_id, moved_at
    FROM fanout.retention_marks
    ORDER BY last_event_id DESC
    LIMIT 1
),
next AS MATERIALIZED (
    SELECT id, created_at
    FROM public.domain_events
    WHERE id > coalesce((SELECT last_event_id FROM mark), -9223372036854775808)
    ORDER BY id
    LIMIT 1
),
held AS MATERIALIZED (
    SELECT id, created_at
    FROM next
    WHERE created_at < now() - make_interval(days => %(days)s::int)
    AND NOT EXISTS (
        SELECT FROM public.notification_processing
        WHERE event_id = next.id
        AND processing_status IN ('completed', 'expired', 'unrouted', 'dead')
    )
)
SELECT (SELECT last_event_id FROM mark) AS last_event_id,
       extract(epoch FROM now() - (SELECT moved_at FROM mark))::float8 AS moved_seconds,
       (SELECT id FROM held) AS held_by,
       -- The limit avoids an infinite difference, which servers before 17 refuse.
       extract(epoch FROM now() - make_interval(days => %(days)s::int) - greatest(
           (SELECT created_at FROM held), CASE WHEN EXISTS (SELECT FROM held)
               THEN timestamptz '0001-01-01 00:00:00+00' END
       ))::float8 AS behind_seconds
