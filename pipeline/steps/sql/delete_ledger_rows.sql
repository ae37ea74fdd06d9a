-- Delete ledger rows below the mark that were kept when the mark passed them: one page.
--
-- In: now; days, how long a row is kept; after, the cursor of the previous page, or NULL; most, the
-- highest number of rows to look at; dry_run, to delete nothing.
-- Out: the number of rows that were looked at (scanned), that are old enough and may be deleted (due),
-- that were deleted, and that are old enough but stay for a reason (kept); and the cursor: NULL after
-- the last page.
--
-- A row stays while its event has an open dead letter or waits for a replay, and for a day after its
-- last change: a worker that has read the event before can then no longer write it.
WITH cutoff AS MATERIALIZED (
    SELECT least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int) AS at
),
page AS MATERIALIZED (
    SELECT event_id, processing_status, completed_at
    FROM public.notification_processing
    WHERE event_id > coalesce(%(after)s::text::bigint, -9223372036854775808)
    AND event_id <= (SELECT max(last_event_id) FROM fanout.retention_marks)
    ORDER BY event_id
    LIMIT %(most)s::int
),
old AS MATERIALIZED (
    SELECT page.event_id,
           coalesce(page.completed_at, '-infinity') < now() - interval '1 day' AND NOT (
               page.processing_status <> 'completed' AND (
                   EXISTS (
                       SELECT FROM public.event_dead_letters
                       WHERE event_id = page.event_id AND resolved_at IS NULL
                       OFFSET 0
                   ) OR EXISTS (
                       SELECT FROM fanout.age_exemptions WHERE event_id = page.event_id OFFSET 0
                   )
               )
           ) AS goes
    FROM page
    CROSS JOIN LATERAL (
        SELECT created_at FROM public.domain_events WHERE id = page.event_id OFFSET 0
    ) AS event
    WHERE page.processing_status IN ('completed', 'expired', 'unrouted', 'dead')
    AND event.created_at < (SELECT at FROM cutoff)
    AND event.created_at < (
        SELECT created_before
        FROM fanout.retention_marks
        WHERE last_event_id >= page.event_id
        ORDER BY last_event_id
        LIMIT 1
    )
),
deleted AS (
    DELETE FROM public.notification_processing AS ledger
    WHERE NOT %(dry_run)s::boolean
    AND ledger.event_id = ANY (ARRAY(SELECT event_id FROM old WHERE goes))
    -- Again, since the row may have changed since it was read.
    AND ledger.processing_status IN ('completed', 'expired', 'unrouted', 'dead')
    AND coalesce(ledger.completed_at, '-infinity') < now() - interval '1 day'
    RETURNING true
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM old WHERE goes) AS due,
       (SELECT count(*) FROM deleted) AS deleted,
       (SELECT count(*) FROM old WHERE NOT goes) AS kept,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int
           THEN (SELECT max(event_id)::text FROM page)
       END AS cursor
