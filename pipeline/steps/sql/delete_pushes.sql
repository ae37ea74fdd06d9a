-- Delete old deliveries of push that have ended, with their attempts: one page, the oldest first. In and
-- out as delete_ledger_rows.sql says.
--
-- No deleted one can be made again: the fan-out's ledger, taken_at of activity.notifications and the
-- rows of fanout.broadcasts see to that. One stays while an older one waits that it has replaced: what a
-- switch holds back does not age.
WITH cutoff AS MATERIALIZED (
    SELECT least(
        least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int),
        now() - (
            SELECT coalesce(max(max_age), '0') FROM fanout.channels WHERE channel <> 'email'
        ) - interval '3 days'
    ) AS at
),
page AS MATERIALIZED (
    SELECT id, channel, recipient, collapse_key, sequence, finished_at
    FROM fanout.deliveries
    WHERE finished_at < (SELECT at FROM cutoff)
    AND channel <> 'email'
    -- The first part lets the index find where the page begins, in any plan.
    AND finished_at >= coalesce((%(after)s::jsonb ->> 0)::timestamptz, '-infinity')
    AND (finished_at, id) > (
        coalesce((%(after)s::jsonb ->> 0)::timestamptz, '-infinity'),
        coalesce((%(after)s::jsonb ->> 1)::uuid, '00000000-0000-0000-0000-000000000000')
    )
    ORDER BY finished_at, id
    LIMIT %(most)s::int
),
judged AS MATERIALIZED (
    SELECT id, collapse_key IS NOT NULL AND EXISTS (
        SELECT FROM fanout.deliveries AS earlier
        WHERE earlier.channel = page.channel
        AND earlier.recipient = page.recipient
        AND earlier.collapse_key = page.collapse_key
        AND earlier.sequence < page.sequence
        AND earlier.finished_at IS NULL
        OFFSET 0
    ) AS is_needed
    FROM page
),
deleted AS (
    DELETE FROM fanout.deliveries AS delivery
    WHERE NOT %(dry_run)s::boolean
    AND delivery.id = ANY (ARRAY(SELECT id FROM judged WHERE NOT is_needed))
    AND delivery.finished_at < (SELECT at FROM cutoff)
    RETURNING delivery.id
),
untried AS (
    DELETE FROM fanout.attempts
    WHERE source = 'deliveries' AND record_id = ANY (ARRAY(SELECT id::text FROM deleted))
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM judged WHERE NOT is_needed) AS due,
       (SELECT count(*) FROM deleted) AS deleted,
       (SELECT count(*) FROM judged WHERE is_needed) AS kept,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT jsonb_build_array(finished_at, id)::text
           FROM page
           ORDER BY finished_at DESC, id DESC
           LIMIT 1
       ) END AS cursor
