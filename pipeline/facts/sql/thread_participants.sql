-- Who takes part in the threads of a batch. In: [{event_id, thread_id}].
SELECT asked.event_id, participant.user_id, NULL AS exclusion
FROM jsonb_to_recordset(%(asked)s) AS asked (event_id bigint, thread_id uuid)
JOIN public.chat_thread_participants AS participant USING (thread_id)
ORDER BY asked.event_id, participant.user_id
