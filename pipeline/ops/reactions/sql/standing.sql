-- How events of reactions stand. In: stuck_seconds, for how long a due event may be left. Always one row.
WITH waiting AS MATERIALIZED (
    SELECT failures, next_attempt_at AS due_at
    FROM fanout.reactions
    WHERE state IN ('pending', 'waiting', 'leased')
),
-- Written by the application, and nobody has looked at them yet. Rows from before this family have no
-- sequence: a graph takes them at its first start, or never.
unseen AS MATERIALIZED (
    SELECT event.created_at AS due_at
    FROM reactions.events AS event
    WHERE event.processed IS NOT TRUE AND event.sequence > (SELECT last_sequence FROM fanout.reaction_marks)
        AND NOT EXISTS (SELECT FROM fanout.reactions AS ledger WHERE ledger.event_id = event.id)
),
-- A leased event may be taken when its lease has ended: its worker is gone.
due AS MATERIALIZED (
    SELECT due_at FROM waiting WHERE due_at <= now()
    UNION ALL
    SELECT due_at FROM unseen
),
ended AS MATERIALIZED (
    SELECT ledger.state, ledger.finished_at - ledger.created_at AS took
    FROM fanout.reactions AS ledger
    WHERE ledger.finished_at > now() - interval '1 hour'
)
SELECT
    (SELECT count(*) FROM waiting) + (SELECT count(*) FROM unseen) AS waiting,
    (SELECT count(*) FROM unseen) AS unseen,
    (SELECT count(*) FROM due) AS due,
    (
        SELECT extract(epoch FROM now() - min(due_at) FILTER (WHERE isfinite(due_at)))::float8 FROM due
    ) AS oldest_seconds,
    (
        SELECT count(*) FROM due
        WHERE due_at < now() - make_interval(secs => %(stuck_seconds)s::float8)
    ) AS stuck,
    (SELECT count(*) FROM waiting WHERE failures > 0) AS retried,
    (SELECT count(*) FROM fanout.reactions WHERE state = 'paused') AS paused,
    (SELECT count(*) FROM fanout.reactions WHERE state = 'unrouted') AS unrouted,
    (SELECT count(*) FROM fanout.reactions WHERE state = 'dead') AS dead,
    (SELECT count(*) FROM ended WHERE state = 'done') AS done_last_hour,
    (SELECT count(*) FROM ended WHERE state = 'dead') AS dead_last_hour,
    (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM took))
        FROM ended WHERE state = 'done'
    )::float8 AS p50_seconds
