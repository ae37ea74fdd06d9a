-- Events that meet the conditions, highest id first, among the next ids at or below "through".
--
-- In: through, rows (how many ids to look at), most (how many events to return), and the conditions, each
-- NULL for none: event_type, state, project, person, since, until. A person was told of an event by a
-- notification or an e-mail of it.
-- Out: the events, at least one row. On each row: how many ids were looked at, and the lowest of them.
-- Looking at a limited number of ids keeps a page fast, however rare the events are that it looks for.
WITH looked AS MATERIALIZED (
    (
        SELECT id
        FROM public.domain_events
        WHERE %(person)s::uuid IS NULL AND %(project)s::uuid IS NULL AND id <= %(through)s
        AND (
            %(state)s::text IS NULL
            OR %(state)s::text NOT IN ('expired', 'unrouted', 'dead', 'paused')
        )
        ORDER BY id DESC
        LIMIT %(rows)s
    )
    UNION ALL
    -- These states are rare, and have an index.
    (
        SELECT event_id
        FROM public.notification_processing
        WHERE %(person)s::uuid IS NULL AND %(project)s::uuid IS NULL AND event_id <= %(through)s
        AND processing_status = %(state)s::text
        AND processing_status <> 'completed'
        AND %(state)s::text IN ('expired', 'unrouted', 'dead', 'paused')
        ORDER BY event_id DESC
        LIMIT %(rows)s
    )
    UNION ALL
    (
        SELECT id
        FROM public.domain_events
        WHERE %(person)s::uuid IS NULL AND project_id = %(project)s::uuid AND id <= %(through)s
        ORDER BY id DESC
        LIMIT %(rows)s
    )
    UNION ALL
    (
        SELECT event_id
        FROM (
            SELECT event_id FROM public.notifications
            WHERE user_id = %(person)s::uuid AND event_id <= %(through)s
            UNION
            SELECT event_id FROM public.pending_emails
            WHERE user_id = %(person)s::uuid AND event_id <= %(through)s
        ) AS told
        ORDER BY event_id DESC
        LIMIT %(rows)s
    )
),
found AS (
    SELECT event.id, event.event_type AS type, event.created_at, event.actor_id, event.project_id,
           event.resource_id, event.thread_id, event.meeting_id, state.state, ledger.reason,
           ledger.completed_at, ledger.notifications, ledger.emails
    FROM looked
    JOIN public.domain_events AS event ON event.id = looked.id
    LEFT JOIN public.notification_processing AS ledger ON ledger.event_id = looked.id
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN ledger.processing_status IN ('completed', 'expired', 'unrouted', 'dead', 'paused')
            THEN ledger.processing_status
            WHEN ledger.event_id IS NULL AND event.created_at < (
                -- Retention may have deleted its ledger row: see migrations/0025_retention_marks.sql.
                SELECT created_before
                FROM fanout.retention_marks
                WHERE last_event_id >= event.id
                ORDER BY last_event_id
                LIMIT 1
            ) THEN 'past'
            ELSE 'unfinished'
        END AS state
    ) AS state
    WHERE (%(event_type)s::text IS NULL OR event.event_type = %(event_type)s)
    AND (%(state)s::text IS NULL OR state.state = %(state)s)
    AND (%(project)s::uuid IS NULL OR event.project_id = %(project)s::uuid)
    AND (%(since)s::timestamptz IS NULL OR event.created_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR event.created_at < %(until)s)
    ORDER BY event.id DESC
    LIMIT %(most)s
)
SELECT seen.ids, seen.lowest, found.*
FROM (SELECT count(*) AS ids, min(id) AS lowest FROM looked) AS seen
LEFT JOIN found ON true
ORDER BY found.id DESC
