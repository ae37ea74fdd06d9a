-- Delete ledger rows of events of reactions that ended long ago, or that nothing has handled for long: one
-- page, the first ones first. In and out as delete_ledger_rows.sql says. Only finished, or only unrouted ones.
--
-- The mark moves with them, in the same statement: no event with its sequence, or an earlier one, is ever
-- found again, whatever its column "processed" says. So it stays below the first event that nobody has
-- found yet. A row stays while its event has an open dead letter; a finished one, while "processed" is not
-- true. The days of an unrouted one count from when it was found, or parked again after a replay.
WITH cutoff AS MATERIALIZED (
    SELECT least(%(now)s::timestamptz, now()) - make_interval(days => %(days)s::int) AS at
),
page AS MATERIALIZED (
    -- only finished: begin
    SELECT event_id, state, finished_at AS since
    FROM fanout.reactions
    WHERE finished_at < (SELECT at FROM cutoff)
    -- The first part lets the index find where the page begins, in any plan.
    AND finished_at >= coalesce((%(after)s::jsonb ->> 0)::timestamptz, '-infinity')
    AND (
        %(after)s::text IS NULL
        OR (finished_at, event_id) > (
            (%(after)s::jsonb ->> 0)::timestamptz, (%(after)s::jsonb ->> 1)::uuid
        )
    )
    ORDER BY finished_at, event_id
    -- only finished: end
    -- only unrouted: begin
    SELECT event_id, sequence AS place, coalesce(finished_at, created_at) AS since
    FROM fanout.reactions
    WHERE state = 'unrouted'
    AND sequence > coalesce(%(after)s::text::bigint, -9223372036854775808)
    ORDER BY sequence
    -- only unrouted: end
    LIMIT %(most)s::int
),
found AS MATERIALIZED (
    SELECT page.*, event.sequence, coalesce(event.processed, event.id IS NULL) AS is_over
    FROM page
    LEFT JOIN reactions.events AS event ON event.id = page.event_id
    WHERE page.since < (SELECT at FROM cutoff)
),
-- Nobody looks further than the page: an application may have any number of open events without a handler.
unseen AS MATERIALIZED (
    SELECT event.sequence
    FROM reactions.events AS event
    WHERE event.processed IS NOT TRUE
        AND event.sequence > (SELECT last_sequence FROM fanout.reaction_marks)
        AND event.sequence < (SELECT max(sequence) FROM found)
        AND NOT EXISTS (SELECT FROM fanout.reactions AS ledger WHERE ledger.event_id = event.id)
    ORDER BY event.sequence
    LIMIT 1
),
old AS MATERIALIZED (
    SELECT event_id, sequence,
           -- only finished: begin
           state IN ('done', 'dead') AND is_over AND
           -- only finished: end
           (
               sequence IS NULL
               OR sequence < coalesce((SELECT sequence FROM unseen), 9223372036854775807)
           )
           AND NOT EXISTS (
               SELECT FROM public.event_dead_letters
               WHERE letter_key = 'events:' || found.event_id AND resolved_at IS NULL
               OFFSET 0
           ) AS goes
    FROM found
),
deleted AS (
    DELETE FROM fanout.reactions AS ledger
    WHERE NOT %(dry_run)s::boolean
    AND ledger.event_id = ANY (ARRAY(SELECT event_id FROM old WHERE goes))
    -- Again, since a replay may have changed it since it was read.
    AND ledger.state IN ('done', 'dead', 'unrouted')
    AND coalesce(ledger.finished_at, ledger.created_at) < (SELECT at FROM cutoff)
    RETURNING ledger.event_id
),
marked AS (
    UPDATE fanout.reaction_marks AS mark
    SET last_sequence = newest.sequence, moved_at = now()
    FROM (SELECT max(old.sequence) AS sequence FROM deleted JOIN old USING (event_id)) AS newest
    WHERE newest.sequence > mark.last_sequence
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM old WHERE goes) AS due,
       (SELECT count(*) FROM deleted) AS deleted,
       (SELECT count(*) FROM old WHERE NOT goes) AS kept,
       -- only finished: begin
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int THEN (
           SELECT jsonb_build_array(since, event_id)::text
           FROM page
           ORDER BY since DESC, event_id DESC
           LIMIT 1
       ) END AS cursor
       -- only finished: end
       -- only unrouted: begin
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int
           THEN (SELECT max(place)::text FROM page)
       END AS cursor
       -- only unrouted: end
