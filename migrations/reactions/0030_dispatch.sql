-- Due tasks and messages: what was handed out to workers of the application, and how they answer.

-- As in kernel/0001: roles belong to the cluster.
DO $$
BEGIN
    IF to_regrole('fanout_agent') IS NULL THEN
        CREATE ROLE fanout_agent NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION '% may not create the role fanout_agent', current_user
        USING HINT =
            'have an administrator run CREATE ROLE fanout_agent NOLOGIN; then run migrate again';
END
$$;

-- Priorities as an application has them: numbers, words, or an enum of words. In the order of the alphabet,
-- urgent would be last.
--
-- From the column to the rank: 0 is urgent, 1 high, 2 medium, 3 low. NULL and words that are not known
-- are medium. Called immutable, so that an index can have it: the rank of an enum's value changes only
-- if somebody renames the value. It names nothing of ours: whoever writes into an indexed table of the
-- application runs it, without a right on our schema.
CREATE FUNCTION fanout.rank_of(priority anyelement) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE lower(priority::text)
        WHEN '0' THEN 0 WHEN 'urgent' THEN 0 WHEN 'critical' THEN 0
        WHEN '1' THEN 1 WHEN 'high' THEN 1
        WHEN '3' THEN 3 WHEN 'low' THEN 3
        ELSE 2
    END::smallint
$$;

-- From the rank to the column: what a column of this type says for the ranks 0, 1, 2 and 3. With a
-- constant in, as in (NULL::reactions.agent_tasks).priority, it is called once for a statement.
CREATE FUNCTION fanout.priorities(of_type anyelement) RETURNS anyarray
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN CASE
        WHEN (SELECT typcategory FROM pg_catalog.pg_type WHERE oid = pg_typeof(of_type)) = 'N'
        THEN '{0,1,2,3}'
        ELSE '{urgent,high,medium,low}'
    END;
END
$$;

-- As pipeline.reactions.identifiers.id_from: a UUIDv8 of SHA-256.
CREATE FUNCTION fanout.id_from(cause uuid, name text) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
    RETURN encode(
        set_bit(set_bit(set_bit(set_bit(set_bit(set_bit(
            substr(sha256(uuid_send(cause) || convert_to(name, 'UTF8')), 1, 16),
            52, 0), 53, 0), 54, 0), 55, 1), 70, 0), 71, 1),
        'hex'
    )::uuid;
END
$$;

CREATE TABLE fanout.dispatches (
    kind            text NOT NULL CHECK (kind IN ('task', 'message')),
    id              uuid NOT NULL,
    sequence        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    priority        smallint NOT NULL,
    state           text NOT NULL CHECK (state IN (
        'leased', 'waiting', 'done', 'dead', 'cancelled')),
    next_attempt_at timestamptz NOT NULL,
    attempts        int NOT NULL,
    failures        int NOT NULL DEFAULT 0,
    started_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    reason          text,
    PRIMARY KEY (kind, id),
    CHECK ((state IN ('done', 'dead', 'cancelled')) = (finished_at IS NOT NULL))
);
CREATE INDEX dispatches_leased_idx ON fanout.dispatches (kind, next_attempt_at)
    WHERE state = 'leased';
CREATE INDEX dispatches_finished_idx ON fanout.dispatches (finished_at)
    WHERE finished_at IS NOT NULL;

COMMENT ON TABLE fanout.dispatches IS
    'tasks and messages that were handed out to workers: one row each, with its last try';
COMMENT ON COLUMN fanout.dispatches.next_attempt_at IS
    'while it is leased, when the time of its worker ends; while it waits, when it is tried again';
COMMENT ON COLUMN fanout.dispatches.attempts IS
    'all tries; failures are those of the current series';
COMMENT ON COLUMN fanout.dispatches.reason IS
    'what the worker said of the last failure';

-- End a try, if it still goes on. A completion also counts after the lease has ended: the work is
-- done. The name of the state is that of fanout.dispatches; NULL: failed.
CREATE FUNCTION fanout.end_dispatch(
    of_kind text, of_id uuid, new_state text, of_try int, why text
) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    -- After the first failure 60 s, then 120 s and 240 s. The fourth failure is final.
    retries CONSTANT int := 3;
    ended_at CONSTANT timestamptz := clock_timestamp();
    tried fanout.dispatches;
BEGIN
    -- Whoever locks both rows locks that of the application first.
    IF of_kind = 'task' THEN
        PERFORM FROM reactions.agent_tasks AS task WHERE task.id = of_id FOR NO KEY UPDATE;
    ELSE
        PERFORM FROM reactions.message_queue AS message WHERE message.id = of_id FOR NO KEY UPDATE;
    END IF;
    UPDATE fanout.dispatches AS record SET
        state = coalesce(
            new_state, CASE WHEN record.failures < retries THEN 'waiting' ELSE 'dead' END
        ),
        next_attempt_at = CASE WHEN new_state IS NULL
            THEN ended_at + make_interval(secs => 60 * 2 ^ record.failures)
            ELSE record.next_attempt_at
        END,
        failures = record.failures + (new_state IS NULL)::int,
        finished_at = CASE WHEN new_state IS NOT NULL OR record.failures >= retries
            THEN ended_at
        END,
        reason = left(why, 500)
    WHERE record.kind = of_kind AND record.id = of_id
        AND (record.state = 'leased' OR record.state = 'waiting' AND new_state = 'done')
        AND (of_try IS NULL OR record.attempts = of_try)
    RETURNING record.* INTO tried;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO fanout.attempts AS attempt (
        source, record_id, number, started_at, finished_at, result, reason
    )
    VALUES (
        CASE of_kind WHEN 'task' THEN 'agent_tasks' ELSE 'message_queue' END, of_id::text,
        tried.attempts, tried.started_at, ended_at,
        CASE tried.state WHEN 'waiting' THEN 'failed' ELSE tried.state END,
        CASE WHEN new_state IS NULL THEN 'its worker failed, or did not answer in time' END
    )
    ON CONFLICT (source, record_id, number) DO UPDATE SET
        finished_at = excluded.finished_at, result = excluded.result, reason = excluded.reason;
    -- What the application has set itself stays.
    IF of_kind = 'task' THEN
        UPDATE reactions.agent_tasks AS task SET status = CASE tried.state
            WHEN 'waiting' THEN 'pending' WHEN 'done' THEN 'completed' ELSE 'failed'
        END
        WHERE task.id = of_id AND tried.state <> 'cancelled'
            AND task.status IN ('processing', 'pending');
    ELSE
        UPDATE reactions.message_queue AS message SET status = CASE tried.state
            WHEN 'waiting' THEN 'queued' WHEN 'done' THEN 'sent' ELSE 'failed'
        END
        WHERE message.id = of_id AND tried.state <> 'cancelled'
            AND message.status IN ('processing', 'queued');
    END IF;
    RETURN true;
END
$$;

-- End the tries whose worker has not answered in time. Where the application itself has set another
-- status, that is the answer. Rows that another session has locked are left for the next call.
CREATE FUNCTION fanout.end_unanswered(of_kind text, most int) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog
AS $$
DECLARE
    late record;
    ended bigint := 0;
BEGIN
    FOR late IN
        SELECT record.id, record.attempts, coalesce(task.status, message.status) AS status
        FROM fanout.dispatches AS record
        LEFT JOIN LATERAL (
            SELECT task.status FROM reactions.agent_tasks AS task
            WHERE of_kind = 'task' AND task.id = record.id
        ) AS task ON true
        LEFT JOIN LATERAL (
            SELECT message.status FROM reactions.message_queue AS message
            WHERE of_kind = 'message' AND message.id = record.id
        ) AS message ON true
        WHERE record.kind = of_kind AND record.state = 'leased'
            AND record.next_attempt_at <= clock_timestamp()
        ORDER BY record.next_attempt_at, record.id
        LIMIT most
    LOOP
        IF late.status IS NOT NULL THEN
            IF of_kind = 'task' THEN
                PERFORM FROM reactions.agent_tasks AS task
                WHERE task.id = late.id FOR NO KEY UPDATE SKIP LOCKED;
            ELSE
                PERFORM FROM reactions.message_queue AS message
                WHERE message.id = late.id FOR NO KEY UPDATE SKIP LOCKED;
            END IF;
            CONTINUE WHEN NOT FOUND;
        END IF;
        ended := ended + fanout.end_dispatch(
            of_kind, late.id,
            CASE
                WHEN late.status IN ('completed', 'sent') THEN 'done'
                WHEN late.status IS DISTINCT FROM 'processing' THEN 'cancelled'
            END,
            late.attempts,
            CASE WHEN late.status = 'processing' THEN 'no answer before the lease ended' END
        )::int;
    END LOOP;
    RETURN ended;
END
$$;

-- How a worker answers. Each returns false if the try has ended before: by another answer, or because
-- the lease ended. With the number of the try, as the event has it, a late failure changes nothing.
CREATE FUNCTION reactions.complete_task(task_id uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog
AS $$ SELECT fanout.end_dispatch('task', task_id, 'done', NULL, NULL) $$;

CREATE FUNCTION reactions.fail_task(task_id uuid, error text, of_try int DEFAULT NULL)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog
AS $$ SELECT fanout.end_dispatch('task', task_id, NULL, of_try, error) $$;

CREATE FUNCTION reactions.complete_message(message_id uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog
AS $$ SELECT fanout.end_dispatch('message', message_id, 'done', NULL, NULL) $$;

CREATE FUNCTION reactions.fail_message(message_id uuid, error text, of_try int DEFAULT NULL)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog
AS $$ SELECT fanout.end_dispatch('message', message_id, NULL, of_try, error) $$;

REVOKE ALL ON FUNCTION
    fanout.end_dispatch(text, uuid, text, int, text),
    fanout.end_unanswered(text, int),
    reactions.complete_task(uuid),
    reactions.fail_task(uuid, text, int),
    reactions.complete_message(uuid),
    reactions.fail_message(uuid, text, int)
FROM PUBLIC;

GRANT USAGE ON SCHEMA reactions TO fanout_agent;
GRANT EXECUTE ON FUNCTION
    reactions.complete_task(uuid),
    reactions.fail_task(uuid, text, int),
    reactions.complete_message(uuid),
    reactions.fail_message(uuid, text, int)
TO fanout_agent;

GRANT USAGE ON SCHEMA reactions TO fanout_jobs;
GRANT EXECUTE ON FUNCTION fanout.end_unanswered(text, int) TO fanout_jobs;
GRANT SELECT, INSERT (kind, id, priority, state, next_attempt_at, attempts, started_at),
    UPDATE (
        priority, state, next_attempt_at, attempts, failures, started_at, finished_at, reason
    )
    ON fanout.dispatches TO fanout_jobs;
GRANT SELECT (
    id, task_type, agent_type, user_id, context_id, context_type, scheduled_for, priority, status,
    created_at
), UPDATE (status) ON reactions.agent_tasks TO fanout_jobs;
GRANT SELECT (
    id, user_id, scheduled_for, priority, status, conversation_context_id, created_at
), UPDATE (status) ON reactions.message_queue TO fanout_jobs;
GRANT SELECT (id), INSERT (id, event_type, aggregate_type, aggregate_id, payload, created_by)
    ON reactions.events TO fanout_jobs;
GRANT SELECT ON fanout.job_runs TO fanout_viewer;

-- What is due is found by these, in its order. `migrate --table` gives an application's tables the same.
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT class.oid::regclass AS name, class.relname, queue.status
        FROM pg_catalog.pg_class AS class
        JOIN (VALUES ('agent_tasks', 'pending'), ('message_queue', 'queued'))
            AS queue (name, status) ON queue.name = class.relname
        WHERE class.relnamespace = 'reactions'::regnamespace AND class.relkind = 'r'
    LOOP
        EXECUTE format(
            'CREATE INDEX IF NOT EXISTS %I ON %s'
            ' (fanout.rank_of(priority), scheduled_for, created_at, id) WHERE status = %L',
            found.relname || '_ranked_idx', found.name, found.status
        );
    END LOOP;
END
$$;
