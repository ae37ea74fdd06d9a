-- Move the mark of the ledger up by one page of events, and delete their ledger rows.
--
-- In: as for the statements that delete (see delete_ledger_rows.sql); after only in a dry run; keep, to
-- move the mark and delete nothing.
-- Out: as they, and the event at which the mark stops because it has no final state.
--
-- The mark never passes an event without a final state, and never one that is younger than days. An
-- event that commits later with a lower id is not lost: the mark covers only events that were created
-- before the time that is stored with it. Only a transaction that is open for days could change that.
-- An event whose time is ahead of the clock is passed, but not covered: its ledger row stays.
WITH cutoff AS MATERIALIZED (
    -- By the hour, so that the pages of a run share a mark. Never by a clock ahead of the server's.
    SELECT date_trunc('hour', least(%(now)s::timestamptz, now()))
               - make_interval(days => %(days)s::int) AS at
),
mark AS MATERIALIZED (
    SELECT coalesce(
        CASE WHEN %(dry_run)s::boolean THEN %(after)s::text::bigint END,
        (SELECT max(last_event_id) FROM fanout.retention_marks)
    ) AS event_id
),
page AS MATERIALIZED (
    SELECT event.id, event.is_old,
           coalesce(ledger.is_final, false) AS is_final,
           coalesce(ledger.is_final, false) AND NOT event.is_young AS may_pass,
           event.is_old AND ledger.may_go AND NOT %(keep)s::boolean AND NOT (
               ledger.is_open_to_replay AND (
                   EXISTS (
                       SELECT FROM public.event_dead_letters
                       WHERE event_id = event.id AND resolved_at IS NULL
                       OFFSET 0
                   ) OR EXISTS (
                       SELECT FROM fanout.age_exemptions WHERE event_id = event.id OFFSET 0
                   )
               )
           ) AS goes
    FROM (
        SELECT id,
               coalesce(created_at < (SELECT at FROM cutoff), false) AS is_old,
               coalesce(created_at >= (SELECT at FROM cutoff) AND created_at <= now(), false)
                   AS is_young
        FROM public.domain_events
        WHERE id >= coalesce((SELECT event_id FROM mark), -9223372036854775808)
        AND id IS DISTINCT FROM (SELECT event_id FROM mark)
        ORDER BY id
        LIMIT %(most)s::int
    ) AS event
    LEFT JOIN LATERAL (
        SELECT processing_status IN ('completed', 'expired', 'unrouted', 'dead') AS is_final,
               processing_status <> 'completed' AS is_open_to_replay,
               coalesce(completed_at, '-infinity') < now() - interval '1 day' AS may_go
        FROM public.notification_processing
        WHERE event_id = event.id
        OFFSET 0
    ) AS ledger ON true
),
stop AS MATERIALIZED (
    SELECT id, is_final FROM page WHERE NOT may_pass ORDER BY id LIMIT 1
),
passed AS MATERIALIZED (
    SELECT id, is_old, coalesce(goes, false) AS goes
    FROM page
    WHERE NOT EXISTS (SELECT FROM stop) OR id < (SELECT id FROM stop)
),
extended AS (
    UPDATE fanout.retention_marks
    SET last_event_id = (SELECT max(id) FROM passed), moved_at = now()
    WHERE NOT %(dry_run)s::boolean
    AND last_event_id = (SELECT event_id FROM mark)
    AND created_before = (SELECT at FROM cutoff)
    AND EXISTS (SELECT FROM passed)
),
added AS (
    INSERT INTO fanout.retention_marks (last_event_id, created_before)
    SELECT max(id), (SELECT at FROM cutoff)
    FROM passed
    WHERE NOT %(dry_run)s::boolean
    AND NOT EXISTS (
        SELECT FROM fanout.retention_marks
        WHERE last_event_id = (SELECT event_id FROM mark)
        AND created_before = (SELECT at FROM cutoff)
    )
    HAVING count(*) > 0
),
deleted AS (
    DELETE FROM public.notification_processing AS ledger
    WHERE NOT %(dry_run)s::boolean
    AND ledger.event_id = ANY (ARRAY(SELECT id FROM passed WHERE goes))
    -- Again, since the row may have changed since it was read.
    AND ledger.processing_status IN ('completed', 'expired', 'unrouted', 'dead')
    AND coalesce(ledger.completed_at, '-infinity') < now() - interval '1 day'
    RETURNING true
)
SELECT (SELECT count(*) FROM page) AS scanned,
       (SELECT count(*) FROM passed WHERE goes) AS due,
       (SELECT count(*) FROM deleted) AS deleted,
       (SELECT count(*) FROM passed WHERE is_old AND NOT goes) AS kept,
       CASE WHEN (SELECT count(*) FROM passed) = %(most)s::int
           THEN (SELECT max(id)::text FROM passed)
       END AS cursor,
       (SELECT id FROM stop WHERE NOT is_final) AS held_by
