-- Close requests that have expired or were answered by all whom they asked, and end their items in
-- inboxes. One that is being changed is left for the next run. In and out as Pages says.
WITH looked AS MATERIALIZED (
    SELECT to_close.id, to_close.why
    FROM fanout.requests_to_close(%(now)s::timestamptz) AS to_close
    WHERE %(after)s::text IS NULL OR to_close.id > %(after)s::uuid
    ORDER BY to_close.id
    LIMIT %(most)s::int
),
free AS MATERIALIZED (
    SELECT request.id
    FROM reactions.community_requests AS request
    WHERE request.id IN (SELECT id FROM looked)
        AND request.status IN ('open', 'responses_received')
    ORDER BY request.id
    FOR NO KEY UPDATE SKIP LOCKED
),
closed AS (
    UPDATE reactions.community_requests AS request SET status = 'closed', closed_at = now()
    FROM free
    WHERE request.id = free.id AND NOT %(dry_run)s::boolean
    RETURNING request.id
),
-- Locked in the order of write_reactions.
items AS MATERIALIZED (
    SELECT item.user_id, item.item_type, item.item_id
    FROM closed
    JOIN reactions.inbox_items AS item
        ON item.item_type = 'community_request' AND item.item_id = closed.id
    WHERE item.status = 'active'
    ORDER BY item.user_id, item.item_type, item.item_id
    FOR NO KEY UPDATE OF item
),
told AS (
    UPDATE reactions.inbox_items AS item SET status = 'expired'
    FROM items
    WHERE item.user_id = items.user_id
        AND item.item_type = items.item_type AND item.item_id = items.item_id
)
SELECT
    (SELECT count(*) FROM looked) AS scanned,
    (SELECT count(*) FROM looked) AS due,
    (SELECT count(*) FROM closed) AS emitted,
    CASE WHEN NOT %(dry_run)s::boolean
        THEN (SELECT count(*) FROM looked) - (SELECT count(*) FROM free)
        ELSE 0
    END AS skipped,
    CASE WHEN (SELECT count(*) FROM looked) = %(most)s::int
        THEN (SELECT max(id::text) FROM looked)
    END AS cursor,
    CASE WHEN %(dry_run)s::boolean THEN (
        SELECT jsonb_agg(jsonb_build_object('request', id, 'why', why) ORDER BY id) FROM looked
    ) END AS preview
