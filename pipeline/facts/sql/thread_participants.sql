-- The participants of the threads of a batch. In: [{event_id, thread_id}].
-- Like the other statements of an audience, it returns the users after a user id, or all, in the order
-- of their ids, and at most a given number per event. LIMIT, or OFFSET 0 in other statements, forces
-- an index lookup per event: the planner cannot know how many events there are.
SELECT asked.event_id, participant.user_id, NULL AS exclusion
FROM jsonb_to_recordset(%(asked)s) AS asked (event_id bigint, thread_id uuid)
CROSS JOIN LATERAL (
    SELECT user_id FROM public.chat_thread_participants
    WHERE thread_id = asked.thread_id
    AND user_id >= coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
    AND user_id IS DISTINCT FROM %(after)s::uuid
    ORDER BY user_id
    LIMIT %(most)s
) AS participant
ORDER BY asked.event_id, participant.user_id
