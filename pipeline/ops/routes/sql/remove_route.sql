-- Remove a route, and write an audit row. In: id, reason, audit. Out: the route; no row if there is none.
WITH removed AS (
    DELETE FROM fanout.reaction_routes WHERE id = %(id)s
    RETURNING id, event_type, condition, to_kind, target, place AS position, created_at, created_by, reason
),
audited AS (
    INSERT INTO fanout.audit (id, who, identity, action, target, finished_at, result)
    SELECT %(audit)s, session_user, 'login', 'routes remove', event_type || ' ' || id, now(),
        concat_ws(': ', 'removed', %(reason)s::text)
    FROM removed
)
SELECT * FROM removed
