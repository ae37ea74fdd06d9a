-- The preferences of a batch's candidates for one event type. In: [user_id], the preference's name.
-- A row without a time counts as the oldest. A row with an unknown scope is left out.
SELECT preference.user_id, preference.id, preference.scope_type, preference.scope_id,
       preference.event_type, preference.channel, preference.status,
       coalesce(preference.updated_at::timestamptz, '-infinity')
FROM jsonb_array_elements_text(%(asked)s) AS asked (user_id)
CROSS JOIN LATERAL (
    SELECT * FROM public.user_notification_preferences
    WHERE user_id = asked.user_id::uuid AND event_type IN (%(name)s, '*')
    AND scope_type IN ('global', 'project', 'thread') OFFSET 0
) AS preference
