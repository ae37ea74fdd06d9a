-- Delete old mails that have ended, with their attempts: one page, the oldest first. In and out as
-- delete_ledger_rows.sql says. Bodies, payloads and the rows of a digest go with their delivery.
--
-- No deleted mail can be made again. Of the fan-out and of producers that is the work of other keys:
-- docs/operations.md. Rows of pending_emails that are older than fanout.channels.since are never adopted
-- and are in no digest, so that time moves to the cutoff, in this statement, and a mail stays while its
-- row is younger. The cutoff is days older than any row that may still be sent.
--
-- A mail also stays while an older one waits that it has replaced, and while the request that it was
-- part of may be repeated.
WITH cutoff AS MATERIALIZED (
    SELECT least(
        least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int),
        now() - (
            SELECT coalesce(max(max_age), '0') FROM fanout.channels WHERE channel = 'email'
        ) - interval '3 days'
    ) AS at
),
page AS MATERIALIZED (
    SELECT id, channel, recipient, source, source_id, collapse_key, sequence, batch_id, finished_at
    FROM fanout.deliveries
    WHERE finished_at < (SELECT at FROM cutoff)
    AND channel = 'email'
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
    SELECT id, CASE
        WHEN source = 'pending_emails' THEN EXISTS (
            SELECT FROM public.pending_emails
            WHERE id = page.source_id::bigint AND created_at >= (SELECT at FROM cutoff)
            OFFSET 0
        )
        WHEN source = 'digest_rows' THEN EXISTS (
            SELECT FROM fanout.digest_rows AS told
            JOIN public.pending_emails AS email ON email.id = told.email_id
            WHERE told.delivery_id = page.id AND email.created_at >= (SELECT at FROM cutoff)
            OFFSET 0
        )
        ELSE false
    END OR (
        collapse_key IS NOT NULL AND EXISTS (
            SELECT FROM fanout.deliveries AS earlier
            WHERE earlier.channel = page.channel
            AND earlier.recipient = page.recipient
            AND earlier.collapse_key = page.collapse_key
            AND earlier.sequence < page.sequence
            AND earlier.finished_at IS NULL
            OFFSET 0
        )
    ) OR (
        batch_id IS NOT NULL AND EXISTS (
            SELECT FROM fanout.deliveries AS other
            WHERE other.batch_id = page.batch_id AND other.finished_at IS NULL
            OFFSET 0
        )
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
),
moved AS (
    UPDATE fanout.channels SET since = (SELECT at FROM cutoff)
    WHERE channel = 'email'
    AND since < (SELECT at FROM cutoff)
    AND EXISTS (SELECT FROM deleted)
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
