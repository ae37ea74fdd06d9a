-- Who asked these requests, and what for. In: ids.
SELECT id, requesting_user_id, context_type, context_id
FROM reactions.community_requests
WHERE id = ANY (%(ids)s::uuid[])
