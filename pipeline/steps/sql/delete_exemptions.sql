-- Delete old exemptions from the age limit whose event is final or deleted: one page, by event. In and out
-- as delete_ledger_rows.sql says.
WITH cutoff AS MATERIALIZED (
    SELECT least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int) AS at
),
page AS MATERIALIZED (
    SELECT exemption.event_id,
           exemption.created_at < (SELECT at FROM cutoff) AS is_old,
           event.id IS NULL
           OR coalesce(
               ledger.processing_status IN ('completed', 'expired', 'unrouted', 'dead'),
               event.created_at < (
                   SELECT created_before
                   FROM fanout.retention_marks
                   WHERE last_event_id >= event.id
                   ORDER BY last_event_id
                   LIMIT 1
               ),
               false
           ) AS is_final
    FROM (
        SELECT event_id, created_at
        FROM fanout.age_exemptions
        WHERE event_id > coalesce(%(after)s::text::bigint, -9223372036854775808)
        ORDER BY event_id
        LIMIT %(most)s::int
    ) AS exemption
    LEFT JOIN LATERAL (
        SELECT id, created_at FROM public.domain_events WHERE id = exemption.event_id OFFSET 0
    ) AS event ON true
    LEFT JOIN LATERAL (
        SELECT processing_status
        FROM public.notification_processing
        WHERE event_id = exemption.event_id
        OFFSET 0
    ) AS ledger ON true
),
deleted AS (
    DELETE FROM fanout.age_exemptions
    WHERE NOT %(dry_run)s::boolean
    AND event_id = ANY (ARRAY(SELECT event_id FROM page WHERE is_old AND is_final))
    RETURNING true
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM page WHERE is_old AND is_final) AS due,
       (SELECT count(*) FROM deleted) AS deleted,
       (SELECT count(*) FROM page WHERE is_old AND NOT is_final) AS kept,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int
           THEN (SELECT max(event_id)::text FROM page)
       END AS cursor
