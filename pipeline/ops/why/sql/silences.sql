-- What people did not get of an event, why, and the row that decided so, where it is still there.
-- In: the event's id, and one person or null for everyone.
SELECT decision.user_id, coalesce(nullif(person.full_name, ''), person.email) AS name,
       decision.channel, decision.reason, decision.preference_id,
       preference.scope_type, coalesce(project.name, thread.topic) AS scope_name,
       preference.event_type AS preference_event_type,
       preference.channel AS preference_channel, preference.status AS preference_status,
       preference.updated_at AS preference_since,
       preference.updated_at > decision.created_at AS preference_changed,
       counter.body AS counted_in
FROM public.notification_decisions AS decision
JOIN public.domain_events AS event ON event.id = decision.event_id
LEFT JOIN public.profiles AS person ON person.id = decision.user_id
LEFT JOIN public.user_notification_preferences AS preference
    ON preference.id = decision.preference_id
LEFT JOIN public.projects AS project
    ON preference.scope_type = 'project' AND project.id = preference.scope_id
LEFT JOIN public.chat_threads AS thread
    ON preference.scope_type = 'thread' AND thread.id = preference.scope_id
-- A counter row bears the time of the last message it counted: the row that was open at the time of
-- this one is the first that was touched then or later.
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
ORDER BY decision.user_id, decision.channel DESC
