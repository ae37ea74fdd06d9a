-- The preferences of a batch's candidates for one event type. In: [user_id], the preference's name.
-- Every row has a time that can be compared, and a scope that is known, or it decides nothing.
SELECT preference.user_id, preference.id, preference.scope_type, preference.scope_id,
       preference.event_type, preference.channel, preference.status,
       coalesce(preference.updated_at::timestamptz, '-infinity')
FROM jsonb_array_elements_text(%(asked)s) AS asked (user_id)
JOIN public.user_notification_preferences AS preference
    ON preference.user_id = asked.user_id::uuid
WHERE preference.event_type IN (%(name)s, '*')
AND preference.scope_type IN ('global', 'project', 'thread')
