-- Hand due tasks or messages out to workers: lease them, and write an event for each, the most urgent
-- first. One whose worker has failed or did not answer is due again after a pause. Rows that another
-- session has locked are left for the next page. A dry run goes on from page to page in the order in
-- which they are scheduled.
-- In and out as Pages says; lease_minutes: how long a worker may take.
WITH this (kind) AS MATERIALIZED (
    -- only tasks: begin
    VALUES ('task'::text)
    -- only tasks: end
    -- only messages: begin
    VALUES ('message'::text)
    -- only messages: end
),
-- Where a dry run goes on. A run changes what it finds, and begins at the front again.
place (rank, scheduled_for, created_at, id) AS MATERIALIZED (
    SELECT
        coalesce((%(after)s::jsonb ->> 0)::int, -1),
        (%(after)s::jsonb ->> 1)::timestamptz,
        (%(after)s::jsonb ->> 2)::timestamptz,
        (%(after)s::jsonb ->> 3)::uuid
),
unanswered AS MATERIALIZED (
    SELECT fanout.end_unanswered((SELECT kind FROM this), %(most)s::int) AS ended
    WHERE NOT %(dry_run)s::boolean
),
due AS MATERIALIZED (
    SELECT picked.*
    FROM generate_series(0, 3) AS class (rank)
    CROSS JOIN place
    CROSS JOIN LATERAL (
        SELECT
            item.id, item.user_id, item.scheduled_for, item.created_at, class.rank,
            -- only tasks: begin
            item.task_type, item.agent_type, item.context_type, item.context_id,
            -- only tasks: end
            -- only messages: begin
            item.conversation_context_id,
            -- only messages: end
            greatest(item.scheduled_for, tried.next_attempt_at) AS due_at,
            coalesce(tried.attempts, 0) AS attempts
        -- only tasks: begin
        FROM reactions.agent_tasks AS item
        LEFT JOIN fanout.dispatches AS tried ON tried.kind = 'task' AND tried.id = item.id
        WHERE item.status = 'pending'
        -- only tasks: end
        -- only messages: begin
        FROM reactions.message_queue AS item
        LEFT JOIN fanout.dispatches AS tried ON tried.kind = 'message' AND tried.id = item.id
        WHERE item.status = 'queued'
        -- only messages: end
            AND fanout.rank_of(item.priority) = class.rank
            AND item.scheduled_for <= %(now)s::timestamptz
            AND (
                tried.id IS NULL OR tried.state <> 'waiting'
                OR tried.next_attempt_at <= %(now)s::timestamptz
            )
            AND (
                class.rank > place.rank OR (
                    class.rank = place.rank AND (item.scheduled_for, item.created_at, item.id)
                        > (place.scheduled_for, place.created_at, place.id)
                )
            )
        ORDER BY item.scheduled_for, item.created_at, item.id
        LIMIT %(most)s::int
        FOR NO KEY UPDATE OF item SKIP LOCKED
    ) AS picked
    ORDER BY
        picked.rank, CASE WHEN %(dry_run)s::boolean THEN picked.scheduled_for ELSE picked.due_at END,
        picked.created_at, picked.id
    LIMIT %(most)s::int
),
handed AS (
    INSERT INTO fanout.dispatches AS record (
        kind, id, priority, state, next_attempt_at, attempts, started_at
    )
    SELECT
        (SELECT kind FROM this), id, rank, 'leased',
        now() + make_interval(mins => %(lease_minutes)s::int), attempts + 1, now()
    FROM due
    WHERE NOT %(dry_run)s::boolean
    ORDER BY rank, due_at, created_at, id
    -- What was handed out since it was read is left alone. What had ended begins a new series.
    ON CONFLICT (kind, id) DO UPDATE SET
        priority = excluded.priority,
        state = excluded.state,
        next_attempt_at = excluded.next_attempt_at,
        attempts = excluded.attempts,
        failures = CASE WHEN record.finished_at IS NULL THEN record.failures ELSE 0 END,
        started_at = excluded.started_at,
        finished_at = NULL,
        reason = NULL
    WHERE record.attempts = excluded.attempts - 1
    RETURNING record.id, record.sequence, record.attempts, record.next_attempt_at
),
started AS (
    -- only tasks: begin
    UPDATE reactions.agent_tasks AS item SET status = 'processing'
    FROM handed
    WHERE item.id = handed.id AND item.status = 'pending'
    -- only tasks: end
    -- only messages: begin
    UPDATE reactions.message_queue AS item SET status = 'processing'
    FROM handed
    WHERE item.id = handed.id AND item.status = 'queued'
    -- only messages: end
),
emitted AS (
    INSERT INTO reactions.events (
        id, event_type, aggregate_type, aggregate_id, payload, created_by
    )
    SELECT
        fanout.id_from(id, format('%%s:%%s', handed.sequence, handed.attempts)),
        -- only tasks: begin
        'agent.task_ready', 'agent_task', id,
        jsonb_build_object(
            'taskId', id, 'taskType', due.task_type, 'agentType', due.agent_type,
            'contextType', due.context_type, 'contextId', due.context_id,
        -- only tasks: end
        -- only messages: begin
        'message.ready_to_send', 'message', id,
        jsonb_build_object(
            'messageId', id, 'conversationContextId', due.conversation_context_id,
        -- only messages: end
            'userId', due.user_id,
            'priority', due.rank, 'scheduledFor', due.scheduled_for, 'try', handed.attempts,
            'answerBy', handed.next_attempt_at
        ),
        'dispatch'
    FROM handed
    JOIN due USING (id)
    ORDER BY due.rank, due.due_at, due.created_at, id
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
SELECT
    (SELECT count(*) FROM due) AS scanned,
    (SELECT count(*) FROM due) AS due,
    (SELECT count(*) FROM emitted) AS emitted,
    coalesce((SELECT ended FROM unanswered), 0) AS skipped,
    CASE
        WHEN %(dry_run)s::boolean AND (SELECT count(*) FROM due) = %(most)s::int THEN (
            SELECT jsonb_build_array(rank, scheduled_for, created_at, id)::text FROM due
            ORDER BY rank DESC, scheduled_for DESC, created_at DESC, id DESC
            LIMIT 1
        )
        WHEN NOT %(dry_run)s::boolean AND (SELECT count(*) FROM handed) = %(most)s::int THEN '[]'
    END AS cursor,
    CASE WHEN %(dry_run)s::boolean THEN (
        SELECT jsonb_agg(
            jsonb_build_object(
                -- only tasks: begin
                'task', id, 'task_type', task_type,
                -- only tasks: end
                -- only messages: begin
                'message', id,
                -- only messages: end
                'try', attempts + 1
            )
            ORDER BY rank, scheduled_for, created_at, id
        )
        FROM due
    ) END AS preview
