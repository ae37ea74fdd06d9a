-- What people did not get from an event, why, and the preference that decided, if it still exists.
-- In: as received.sql.
-- Subqueries look up the names row by row, because there may be thousands of rows and the planner may
-- choose a bad join.
SELECT decision.user_id,
       (
           SELECT coalesce(nullif(full_name, ''), email)
           FROM public.profiles WHERE id = decision.user_id
       ) AS name,
       decision.channel, decision.reason, decision.preference_id,
       preference.scope_type,
       CASE preference.scope_type
           WHEN 'project' THEN (SELECT name FROM public.projects WHERE id = preference.scope_id)
           WHEN 'thread' THEN (SELECT topic FROM public.chat_threads WHERE id = preference.scope_id)
       END AS scope_name,
       preference.event_type AS preference_event_type,
       preference.channel AS preference_channel, preference.status AS preference_status,
       preference.updated_at::timestamptz AS preference_since,
       preference.updated_at > decision.created_at AS preference_changed,
       counter.body AS counted_in
FROM public.notification_decisions AS decision
JOIN public.domain_events AS event ON event.id = decision.event_id
LEFT JOIN LATERAL (
    SELECT * FROM public.user_notification_preferences
    WHERE id = decision.preference_id OFFSET 0
) AS preference ON true
-- A counter row has the time of the last message that it counted. So the first counter row with this
-- time or a later one is the row that counted this message.
LEFT JOIN LATERAL (
    SELECT notification.body
    FROM public.notifications AS notification
    WHERE decision.reason = 'counted'
        AND notification.user_id = decision.user_id
        AND notification.counter_thread_id = event.thread_id
        AND notification.created_at >= decision.created_at
    ORDER BY notification.id
    LIMIT 1
) AS counter ON true
WHERE decision.event_id = %(event)s
    AND (%(user)s::uuid IS NULL OR decision.user_id = %(user)s::uuid)
    AND (%(after)s::uuid IS NULL OR decision.user_id > %(after)s::uuid)
ORDER BY decision.user_id, decision.channel DESC
LIMIT %(most)s::bigint
