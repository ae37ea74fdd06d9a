-- The events of a range that have no final state in the ledger, by id; or how many there are in all.
-- The ledger decides, not the highest id seen, so the next pass finds an event that commits late.
SELECT
    -- only ids: begin
    event.id
    -- only ids: end
    -- only count: begin
    count(*)
    -- only count: end
FROM public.domain_events AS event
WHERE (%(event_type)s::text IS NULL OR event.event_type::text = %(event_type)s)
AND (%(since)s::timestamptz IS NULL OR event.created_at >= %(since)s)
AND (%(until)s::timestamptz IS NULL OR event.created_at < %(until)s)
-- Not younger than older_than. The clock of the event may be a little ahead. An event whose time is
-- far ahead or missing does not count as younger.
AND (event.created_at > now() - %(older_than)s AND event.created_at < now() + %(older_than)s)
    IS NOT TRUE
-- Not an event whose ledger row retention has deleted: see migrations/0025_retention_marks.sql. First
-- what is cheap, and true of almost every event above the marks.
AND (
    event.id > (SELECT max(last_event_id) FROM fanout.retention_marks)
    OR (
        event.created_at < (
            SELECT created_before
            FROM fanout.retention_marks
            WHERE last_event_id >= event.id
            ORDER BY last_event_id
            LIMIT 1
        )
    ) IS NOT TRUE
    OR EXISTS (SELECT FROM public.notification_processing WHERE event_id = event.id OFFSET 0)
)
AND NOT EXISTS (
    SELECT
    FROM public.notification_processing AS ledger
    WHERE ledger.event_id = event.id
    AND (
        ledger.processing_status IN ('completed', 'expired', 'unrouted', 'dead')
        -- A paused event stays until its switch lets events through again.
        OR ledger.processing_status = 'paused' AND event.event_type::text = ANY (ARRAY(
            SELECT name FROM fanout.switches WHERE state = 'paused' OR until > now()
        ))
    )
)
-- only ids: begin
AND event.id > %(after)s
AND event.id <= %(last)s
ORDER BY event.id
-- only ids: end
