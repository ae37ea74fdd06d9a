-- Whoever ends items of inboxes locks them in one order, which begins with the person.

GRANT SELECT (user_id) ON reactions.inbox_items TO fanout_jobs;
