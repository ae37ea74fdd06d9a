-- Add a route and an audit row. In: event_type, condition, to_kind, target, endpoint_id, position or
-- NULL for the last one, reason, audit. Out: the route; no row if another one has the position.
WITH added AS (
    INSERT INTO fanout.reaction_routes (
        event_type, condition, to_kind, target, endpoint_id, place, reason
    )
    SELECT %(event_type)s, %(condition)s::jsonb, %(to_kind)s, %(target)s, %(endpoint_id)s::uuid,
        coalesce(%(position)s::int, (
            SELECT coalesce(max(place), 0) + 1
            FROM fanout.reaction_routes
            WHERE event_type = %(event_type)s
        )),
        %(reason)s
    ON CONFLICT (event_type, place) DO NOTHING
    RETURNING id, event_type, condition, to_kind, target, place AS position, created_at, created_by, reason
),
audited AS (
    INSERT INTO fanout.audit (id, who, identity, action, target, finished_at, result)
    SELECT %(audit)s, session_user, 'login', 'routes add', event_type || ' ' || id, now(),
        concat_ws(': ', 'added', reason)
    FROM added
)
SELECT * FROM added
