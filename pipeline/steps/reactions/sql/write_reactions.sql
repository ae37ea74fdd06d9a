,
effect AS MATERIALIZED (
    SELECT ended.event_id, ended.depth, ended.sequence, effect.*
    FROM ended
    JOIN given ON given.token = ended.token
    CROSS JOIN LATERAL jsonb_to_recordset(given.effects) AS effect (kind text, id uuid, body jsonb)
    WHERE ended.state = 'done'
),
letters AS (
    INSERT INTO public.event_dead_letters AS earlier (
        letter_key, event_type, stage, error_class, message, fingerprint, pipeline_version
    )
    SELECT
        'events:' || event_id, event_type, letter ->> 'stage', letter ->> 'error_class',
        letter ->> 'message', letter ->> 'fingerprint', letter ->> 'version'
    FROM ended
    JOIN given ON given.token = ended.token
    WHERE ended.state = 'dead' AND letter IS NOT NULL
    ORDER BY event_id
    ON CONFLICT (letter_key) DO UPDATE SET
        event_type = excluded.event_type,
        stage = excluded.stage,
        error_class = excluded.error_class,
        message = excluded.message,
        fingerprint = excluded.fingerprint,
        pipeline_version = excluded.pipeline_version,
        attempt = earlier.attempt + 1,
        last_seen_at = now(),
        resolved_at = NULL,
        resolution = NULL
),
-- Until they are published: see unpublished_letters.sql of the sinks.
unpublished AS (
    INSERT INTO fanout.unpublished_letters (letter_key, topic)
    SELECT 'events:' || event_id, letter ->> 'topic'
    FROM ended
    JOIN given ON given.token = ended.token
    WHERE ended.state = 'dead' AND letter ->> 'topic' IS NOT NULL
    ORDER BY event_id
    ON CONFLICT (letter_key) DO UPDATE SET topic = excluded.topic, due_at = excluded.due_at
),
-- An event that is done after a replay needs its dead letter no more.
resolved AS (
    UPDATE public.event_dead_letters AS letter
    SET resolved_at = now(), resolution = 'written'
    FROM ended
    WHERE ended.state = 'done' AND ended.replayed_at IS NOT NULL
        AND letter.letter_key = 'events:' || ended.event_id AND letter.resolved_at IS NULL
),
closed AS (
    UPDATE reactions.events AS event SET processed = true
    FROM ended
    JOIN given ON given.token = ended.token
    WHERE event.id = ended.event_id
        AND (ended.state IN ('done', 'dead') OR ended.state = 'unrouted' AND given.closes)
),
tasks AS (
    INSERT INTO reactions.agent_tasks (
        id, event_id, task_type, agent_type, user_id, context_type, context_id,
        scheduled_for, priority, context_json
    )
    SELECT
        effect.id, event_id, task_type, agent_type, user_id, context_type, context_id,
        scheduled_for,
        -- As a number or a word, whatever the column has.
        (fanout.priorities((NULL::reactions.agent_tasks).priority))[priority + 1],
        context
    FROM effect
    CROSS JOIN LATERAL jsonb_to_record(body) AS body (
        task_type text, agent_type text, user_id uuid, context_type text, context_id uuid,
        scheduled_for timestamptz, priority smallint, context jsonb
    )
    WHERE kind = 'Task'
    ORDER BY effect.id
    ON CONFLICT (id) DO NOTHING
),
messages AS (
    INSERT INTO reactions.message_queue (
        id, event_id, user_id, template, context_json, scheduled_for, priority, can_delay,
        conversation_context_id
    )
    SELECT
        effect.id, event_id, user_id, template, context, scheduled_for,
        (fanout.priorities((NULL::reactions.message_queue).priority))[priority + 1],
        can_delay, conversation_id
    FROM effect
    CROSS JOIN LATERAL jsonb_to_record(body) AS body (
        user_id uuid, template text, context jsonb, scheduled_for timestamptz, priority smallint,
        can_delay boolean, conversation_id uuid
    )
    WHERE kind = 'TemplateMessage'
    ORDER BY effect.id
    ON CONFLICT (id) DO NOTHING
),
follow_ups AS (
    INSERT INTO reactions.events (
        id, event_type, aggregate_type, aggregate_id, payload, metadata, created_by, processed
    )
    SELECT
        effect.id, type, aggregate_type, aggregate_id, payload,
        jsonb_build_object('cause', event_id), 'reactions',
        (effect.body ->> 'closed')::boolean AND NOT EXISTS (
            SELECT FROM fanout.reaction_routes AS route
            WHERE route.event_type = body.type AND body.payload @> route.condition
        )
    FROM effect
    CROSS JOIN LATERAL jsonb_to_record(body) AS body (
        type text, aggregate_type text, aggregate_id uuid, payload jsonb
    )
    WHERE kind = 'FollowUp'
    ORDER BY effect.id
    ON CONFLICT (id) DO NOTHING
    RETURNING id, event_type, aggregate_type, aggregate_id, payload, sequence
),
-- With the depth of its chain. Whoever adopts it from its message finds this row.
chained AS (
    INSERT INTO fanout.reactions (
        event_id, event_type, depth, state, next_attempt_at, cause, order_key, ordinal
    )
    SELECT
        follow_up.id, event_type, depth + 1,
        CASE
            WHEN (body ->> 'routed')::boolean OR EXISTS (
                SELECT FROM fanout.reaction_routes AS route
                WHERE route.event_type = follow_up.event_type
                    AND follow_up.payload @> route.condition
            ) THEN CASE WHEN body ->> 'at' IS NULL THEN 'pending' ELSE 'waiting' END
            ELSE 'unrouted'
        END,
        coalesce((body ->> 'at')::timestamptz, now()),
        effect.event_id,
        fanout.reaction_key(
            event_type, aggregate_type, aggregate_id, payload, in_order, body ->> 'one_at_a_time'
        ),
        CASE WHEN in_order THEN follow_up.sequence END
    FROM follow_ups AS follow_up
    JOIN effect USING (id)
    CROSS JOIN LATERAL (SELECT body -> 'in_order' ? event_type) AS asked (in_order)
    ORDER BY follow_up.sequence, follow_up.id
    ON CONFLICT (event_id) DO NOTHING
),
-- What is processed in order must know all that is before it: see adopt_events.sql.
latest AS MATERIALIZED (
    SELECT aggregate_type, aggregate_id, body -> 'in_order' AS in_order,
        max(follow_up.sequence) AS sequence
    FROM follow_ups AS follow_up
    JOIN effect USING (id)
    WHERE body -> 'in_order' ? event_type AND aggregate_id IS NOT NULL
    GROUP BY aggregate_type, aggregate_id, body -> 'in_order'
),
before AS (
    INSERT INTO fanout.reactions (event_id, event_type, state, order_key, ordinal)
    SELECT
        event.id, event.event_type, 'pending',
        fanout.reaction_key(
            event.event_type, event.aggregate_type, event.aggregate_id, event.payload, true, NULL
        ),
        event.sequence
    FROM latest
    CROSS JOIN LATERAL (
        SELECT id, event_type, aggregate_type, aggregate_id, payload, sequence
        FROM reactions.events AS earlier
        WHERE earlier.processed IS NOT TRUE AND earlier.aggregate_id = latest.aggregate_id
            AND earlier.aggregate_type IS NOT DISTINCT FROM latest.aggregate_type
            AND latest.in_order ? earlier.event_type
            AND earlier.sequence < latest.sequence
            AND earlier.sequence > (SELECT last_sequence FROM fanout.reaction_marks)
            AND NOT EXISTS (
                SELECT FROM fanout.reactions AS ledger WHERE ledger.event_id = earlier.id
            )
        OFFSET 0
    ) AS event
    ORDER BY event.sequence, event.id
    ON CONFLICT (event_id) DO NOTHING
),
touch AS MATERIALIZED (
    SELECT body ->> 'what' AS what, (body ->> 'id')::uuid AS id,
        max((body ->> 'at')::timestamptz) AS at
    FROM effect
    WHERE kind = 'Touch'
    GROUP BY 1, 2
),
-- Locked in one order, so that two workers do not wait for each other.
active_users AS MATERIALIZED (
    SELECT id, touch.at
    FROM reactions.users AS person
    JOIN touch USING (id)
    WHERE touch.what = 'user'
        AND (person.last_active_at IS NULL OR person.last_active_at < touch.at)
    ORDER BY id
    FOR NO KEY UPDATE OF person
),
users_touched AS (
    UPDATE reactions.users AS person
    SET last_active_at = greatest(person.last_active_at, active.at)
    FROM active_users AS active
    WHERE person.id = active.id
),
classification AS MATERIALIZED (
    SELECT DISTINCT ON (conversation_id) body.*
    FROM effect
    CROSS JOIN LATERAL jsonb_to_record(body) AS body (
        conversation_id uuid, intent text, confidence float8, context jsonb, at timestamptz
    )
    WHERE kind = 'Classification'
    ORDER BY conversation_id, at DESC, effect.id
),
conversations AS MATERIALIZED (
    SELECT conversation.id
    FROM reactions.conversations AS conversation
    WHERE id IN (SELECT id FROM touch WHERE what = 'conversation')
        OR id IN (SELECT conversation_id FROM classification)
    ORDER BY id
    FOR NO KEY UPDATE
),
conversations_changed AS (
    UPDATE reactions.conversations AS conversation SET
        last_message_at = greatest(conversation.last_message_at, touch.at),
        last_intent = CASE WHEN noted.at > coalesce(conversation.intent_classified_at, '-infinity') THEN noted.intent ELSE conversation.last_intent END,
        intent_confidence = CASE
            WHEN noted.at > coalesce(conversation.intent_classified_at, '-infinity') THEN noted.confidence ELSE conversation.intent_confidence
        END,
        intent_context = CASE
            WHEN noted.at > coalesce(conversation.intent_classified_at, '-infinity') THEN noted.context ELSE conversation.intent_context
        END,
        intent_classified_at = greatest(conversation.intent_classified_at, noted.at)
    FROM conversations AS locked
    LEFT JOIN touch ON touch.id = locked.id AND touch.what = 'conversation'
    LEFT JOIN classification AS noted ON noted.conversation_id = locked.id
    WHERE conversation.id = locked.id
),
item AS MATERIALIZED (
    SELECT effect.id AS effect_id, event_id, sequence, body.*
    FROM effect
    CROSS JOIN LATERAL jsonb_to_record(body) AS body (
        user_id uuid, item_type text, item_id uuid, status text, score int,
        expires_at timestamptz, content jsonb
    )
    WHERE kind = 'InboxItem'
),
first_item AS (
    SELECT DISTINCT ON (user_id, item_type, item_id) *
    FROM item
    WHERE status = 'active'
    ORDER BY user_id, item_type, item_id, sequence, effect_id
),
-- No other part of this statement sees the new row, so an end in the same batch is written here.
items AS (
    INSERT INTO reactions.inbox_items (
        id, event_id, user_id, item_type, item_id, status, score, expires_at, content
    )
    SELECT effect_id, event_id, user_id, item_type, item_id,
        coalesce(
            (
                SELECT item.status
                FROM item
                WHERE (item.item_type, item.item_id) = (made.item_type, made.item_id)
                    AND coalesce(item.user_id, made.user_id) = made.user_id
                    AND item.status <> 'active' AND item.sequence > made.sequence
                ORDER BY item.sequence, item.effect_id
                LIMIT 1
            ),
            'active'
        ),
        score, expires_at, content
    FROM first_item AS made
    ORDER BY user_id, item_type, item_id
    ON CONFLICT (user_id, item_type, item_id) DO NOTHING
),
ended_things AS MATERIALIZED (
    SELECT DISTINCT item_type, item_id FROM item WHERE status <> 'active'
),
-- Locked in one order. An end without a user_id is that of everybody's item.
items_to_end AS MATERIALIZED (
    SELECT stored.user_id, stored.item_type, stored.item_id
    FROM ended_things AS thing
    JOIN reactions.inbox_items AS stored USING (item_type, item_id)
    WHERE stored.status = 'active'
    ORDER BY stored.user_id, stored.item_type, stored.item_id
    FOR NO KEY UPDATE OF stored
),
items_ended AS (
    UPDATE reactions.inbox_items AS stored SET status = finish.status
    FROM (
        SELECT DISTINCT ON (held.user_id, item_type, item_id)
            held.user_id, item_type, item_id, item.status
        FROM items_to_end AS held
        JOIN item USING (item_type, item_id)
        WHERE item.status <> 'active' AND coalesce(item.user_id, held.user_id) = held.user_id
        ORDER BY held.user_id, item_type, item_id, item.sequence, item.effect_id
    ) AS finish
    WHERE stored.user_id = finish.user_id
        AND stored.item_type = finish.item_type AND stored.item_id = finish.item_id
),
audit AS (
    INSERT INTO reactions.agent_actions_log (id, event_id, action, agent_type, user_id, data)
    SELECT effect.id, event_id, action, agent_type, user_id, data
    FROM effect
    CROSS JOIN LATERAL jsonb_to_record(body) AS body (
        action text, agent_type text, user_id uuid, data jsonb
    )
    WHERE kind = 'AuditEntry'
    ORDER BY effect.id
    ON CONFLICT (id) DO NOTHING
),
moved AS MATERIALIZED (
    SELECT move.*
    FROM move
    JOIN ended ON ended.token = move.token
    WHERE ended.state = 'done'
),
workflows_moved AS (
    UPDATE reactions.solution_workflows AS workflow SET
        status = moved.status,
        responses = array_cat(workflow.responses, array_remove(ARRAY[moved.response], NULL)),
        completed_at = CASE moved.status
            WHEN 'completed' THEN moved.at ELSE workflow.completed_at
        END
    FROM moved
    WHERE moved.saga = 'workflow' AND workflow.id = moved.id
),
intros_moved AS (
    UPDATE reactions.intro_opportunities AS intro SET
        status = moved.status,
        completed_at = CASE moved.status WHEN 'completed' THEN moved.at ELSE intro.completed_at END
    FROM moved
    WHERE moved.saga = 'intro' AND intro.id = moved.id
),
offers_moved AS (
    UPDATE reactions.intro_offers AS offer SET status = moved.status
    FROM moved
    WHERE moved.saga = 'offer' AND offer.id = moved.id
),
requests_moved AS (
    UPDATE reactions.community_requests AS request SET
        status = moved.status,
        responses = array_cat(request.responses, array_remove(ARRAY[moved.response], NULL)),
        answered_by = CASE
            WHEN moved.answered_by IS NULL OR moved.answered_by = ANY (request.answered_by)
            THEN request.answered_by
            ELSE array_append(request.answered_by, moved.answered_by)
        END,
        closed_at = CASE
            WHEN moved.status = 'closed' THEN coalesce(request.closed_at, moved.at)
        END
    FROM moved
    WHERE moved.saga = 'request' AND request.id = moved.id
),
started AS MATERIALIZED (
    SELECT body.*
    FROM effect
    CROSS JOIN LATERAL jsonb_to_record(body) AS body (
        saga text, id uuid, status text, user_id uuid, other_user_id uuid, expires_at timestamptz
    )
    WHERE kind = 'SagaStart'
),
workflows_started AS (
    INSERT INTO reactions.solution_workflows (id, user_id, status)
    SELECT id, user_id, status FROM started WHERE saga = 'workflow' ORDER BY id
    ON CONFLICT (id) DO NOTHING
),
offers_started AS (
    INSERT INTO reactions.intro_offers (
        id, offering_user_id, introducee_user_id, status, expires_at
    )
    SELECT DISTINCT ON (id) id, user_id, other_user_id, status, expires_at
    FROM started
    WHERE saga = 'offer'
    ORDER BY id
    ON CONFLICT (id) DO NOTHING
),
credits AS (
    INSERT INTO reactions.credit_events (id, event_id, user_id, amount, reason, idempotency_key)
    SELECT effect.id, event_id, user_id, amount, reason, key
    FROM effect
    CROSS JOIN LATERAL jsonb_to_record(body) AS body (
        user_id uuid, amount int, reason text, key text
    )
    WHERE kind = 'Credit'
    ORDER BY key
    ON CONFLICT DO NOTHING
),
requests AS (
    INSERT INTO reactions.community_requests (
        id, event_id, requesting_user_id, requesting_agent_type, context_type, context_id,
        question, category, expertise_needed, desired_outcome, urgency, target_user_ids,
        details, created_at, expires_at
    )
    SELECT
        effect.id, effect.event_id, requesting_user_id, requesting_agent_type, context_type,
        context_id, question, category, expertise, desired_outcome, urgency, experts,
        details, now(), expires_at
    FROM effect
    CROSS JOIN LATERAL jsonb_to_record(body) AS body (
        requesting_user_id uuid, requesting_agent_type text, context_type text, context_id uuid,
        question text, category text, expertise text[], desired_outcome text, urgency text,
        experts uuid[], details jsonb, expires_at timestamptz
    )
    WHERE kind = 'CommunityRequest'
    ORDER BY effect.id
    ON CONFLICT (id) DO NOTHING
),
-- A trigger makes the deliveries, where the family push is installed.
webhooks AS (
    INSERT INTO fanout.reaction_webhooks (event_id, event_type, endpoint_id)
    SELECT event_id, body ->> 'event_type', (body ->> 'endpoint_id')::uuid
    FROM effect
    WHERE kind = 'WebhookDelivery'
    ORDER BY event_id
    ON CONFLICT (event_id, endpoint_id) DO NOTHING
)
