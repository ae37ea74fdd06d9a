-- How many rows of the schema reactions about a person the application has to delete. Events are not
-- counted: which of their payloads name the person, the application knows. In: user.
SELECT 'reactions.users', (SELECT count(*) FROM reactions.users WHERE id = %(user)s)
UNION ALL
SELECT 'reactions.conversations',
       (SELECT count(*) FROM reactions.conversations WHERE user_id = %(user)s)
UNION ALL
SELECT 'reactions.agent_tasks',
       (SELECT count(*) FROM reactions.agent_tasks WHERE user_id = %(user)s)
UNION ALL
SELECT 'reactions.message_queue',
       (SELECT count(*) FROM reactions.message_queue WHERE user_id = %(user)s)
UNION ALL
SELECT 'reactions.inbox_items',
       (SELECT count(*) FROM reactions.inbox_items WHERE user_id = %(user)s)
UNION ALL
SELECT 'reactions.community_requests', (
    SELECT count(*) FROM reactions.community_requests WHERE requesting_user_id = %(user)s
)
UNION ALL
SELECT 'reactions.credit_events',
       (SELECT count(*) FROM reactions.credit_events WHERE user_id = %(user)s)
UNION ALL
SELECT 'reactions.agent_actions_log',
       (SELECT count(*) FROM reactions.agent_actions_log WHERE user_id = %(user)s)
