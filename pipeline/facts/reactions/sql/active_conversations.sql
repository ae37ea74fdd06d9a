-- The active conversation of each person: the one with the newest message. In: users.
SELECT DISTINCT ON (user_id) user_id, id
FROM reactions.conversations
WHERE user_id = ANY (%(users)s::text[]::uuid[]) AND status = 'active'
ORDER BY user_id, last_message_at DESC NULLS LAST, id
