-- The routes, in the order in which they are tried. In: event_type, or NULL for all.
SELECT id, event_type, condition, to_kind, target, place AS position, created_at, created_by, reason
FROM fanout.reaction_routes
WHERE event_type = %(event_type)s::text OR %(event_type)s::text IS NULL
ORDER BY event_type, place
