-- What one event of reactions led to, in the order of its handler, as it stands now. In: reaction, its id.
--
-- Out: kind and id; and, if there is such a row: what it is, about whom, its state, its time, and its
-- priority or its points. A row that another event had made before, for the same item or key, is not one
-- of this event.
WITH effect AS MATERIALIZED (
    SELECT effect.each ->> 0 AS kind, (effect.each ->> 1)::uuid AS id, effect.place
    FROM fanout.reactions AS ledger
    CROSS JOIN LATERAL jsonb_array_elements(ledger.effects) WITH ORDINALITY AS effect (each, place)
    -- A delivery to an endpoint is read with its tries.
    WHERE ledger.event_id = %(reaction)s::uuid AND effect.each ->> 0 <> 'WebhookDelivery'
),
found (place, what, user_id, state, at, number) AS (
    SELECT place, task_type || ' for ' || agent_type, user_id, status::text, scheduled_for,
        fanout.rank_of(priority)::text
    FROM effect JOIN reactions.agent_tasks USING (id)
    WHERE kind = 'Task'
    UNION ALL
    SELECT place, template::text, user_id, status::text, scheduled_for,
        fanout.rank_of(priority)::text
    FROM effect JOIN reactions.message_queue USING (id)
    WHERE kind = 'TemplateMessage'
    UNION ALL
    SELECT place, coalesce(event.event_type, ledger.event_type)::text, NULL, ledger.state,
        coalesce(
            ledger.finished_at,
            CASE WHEN ledger.state = 'waiting' THEN ledger.next_attempt_at END
        ),
        NULL
    FROM effect
    LEFT JOIN reactions.events AS event USING (id)
    LEFT JOIN fanout.reactions AS ledger ON ledger.event_id = effect.id
    WHERE kind = 'FollowUp'
    UNION ALL
    SELECT place, item_type::text, user_id, status::text, expires_at, score::text
    FROM effect JOIN reactions.inbox_items USING (id)
    WHERE kind = 'InboxItem'
    UNION ALL
    SELECT place, reason::text, user_id, NULL, NULL, amount::text
    FROM effect JOIN reactions.credit_events USING (id)
    WHERE kind = 'Credit'
    UNION ALL
    SELECT place, action || ' by ' || agent_type, user_id, NULL, NULL, NULL
    FROM effect JOIN reactions.agent_actions_log USING (id)
    WHERE kind = 'AuditEntry'
    UNION ALL
    SELECT place, 'open to the community', NULL, status::text, expires_at, NULL
    FROM effect JOIN reactions.community_requests USING (id)
    WHERE kind = 'CommunityRequest'
)
SELECT
    effect.kind,
    effect.id,
    found.what,
    found.user_id,
    found.state,
    CASE WHEN found.at > '0001-01-02' AND found.at < '9999-01-01' THEN found.at END AS at,
    found.number,
    found.place IS NOT NULL AS is_there
FROM effect
LEFT JOIN found USING (place)
ORDER BY effect.place
