-- Hand due tasks out to workers: lease them, and write an event for each, the most urgent first. One
-- whose worker has failed or did not answer is due again after a pause. Rows that another session has
-- locked are left for the next page. In and out as Pages says; lease_minutes: how long a worker may take.
WITH unanswered AS MATERIALIZED (
    SELECT fanout.end_unanswered('task', %(most)s::int) AS ended
    WHERE NOT %(dry_run)s::boolean
),
due AS MATERIALIZED (
    SELECT picked.*
    FROM generate_series(0, 3) AS class (rank)
    CROSS JOIN LATERAL (
        SELECT
            task.id, task.task_type, task.agent_type, task.user_id, task.context_type,
            task.context_id, task.scheduled_for, task.created_at, class.rank,
            greatest(task.scheduled_for, tried.next_attempt_at) AS due_at,
            coalesce(tried.attempts, 0) AS attempts
        FROM reactions.agent_tasks AS task
        LEFT JOIN fanout.dispatches AS tried ON tried.kind = 'task' AND tried.id = task.id
        WHERE task.status = 'pending'
            AND fanout.rank_of(task.priority) = class.rank
            AND task.scheduled_for <= %(now)s::timestamptz
            AND (
                tried.id IS NULL OR tried.state <> 'waiting'
                OR tried.next_attempt_at <= %(now)s::timestamptz
            )
        ORDER BY task.scheduled_for, task.created_at, task.id
        LIMIT %(most)s::int
        FOR NO KEY UPDATE OF task SKIP LOCKED
    ) AS picked
    ORDER BY picked.rank, picked.due_at, picked.created_at, picked.id
    LIMIT %(most)s::int
),
handed AS (
    INSERT INTO fanout.dispatches AS record (
        kind, id, priority, state, next_attempt_at, attempts, started_at
    )
    SELECT
        'task', id, rank, 'leased', now() + make_interval(mins => %(lease_minutes)s::int),
        attempts + 1, now()
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
    UPDATE reactions.agent_tasks AS task SET status = 'processing'
    FROM handed
    WHERE task.id = handed.id AND task.status = 'pending'
),
emitted AS (
    INSERT INTO reactions.events (
        id, event_type, aggregate_type, aggregate_id, payload, created_by
    )
    SELECT
        fanout.id_from(id, format('%%s:%%s', handed.sequence, handed.attempts)),
        'agent.task_ready', 'agent_task', id,
        jsonb_build_object(
            'taskId', id, 'taskType', due.task_type, 'agentType', due.agent_type,
            'userId', due.user_id, 'contextType', due.context_type, 'contextId', due.context_id,
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
    -- A dry run changes nothing, so that it would find the same page again.
    CASE WHEN NOT %(dry_run)s::boolean AND (SELECT count(*) FROM handed) = %(most)s::int
        THEN 'more'
    END AS cursor,
    CASE WHEN %(dry_run)s::boolean THEN (
        SELECT jsonb_agg(
            jsonb_build_object('task', id, 'task_type', task_type, 'try', attempts + 1)
            ORDER BY rank, due_at, created_at, id
        )
        FROM due
    ) END AS preview
