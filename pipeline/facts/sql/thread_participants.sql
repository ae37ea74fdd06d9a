-- Who takes part in the threads of a batch. In: [{event_id, thread_id}].
-- OFFSET 0, here and in the other statements: a look into an index for each thing that is asked
-- about, whatever the planner believes. It cannot know how many those are.
SELECT asked.event_id, participant.user_id, NULL AS exclusion
FROM jsonb_to_recordset(%(asked)s) AS asked (event_id bigint, thread_id uuid)
CROSS JOIN LATERAL (
    SELECT user_id FROM public.chat_thread_participants
    WHERE thread_id = asked.thread_id OFFSET 0
) AS participant
ORDER BY asked.event_id, participant.user_id
