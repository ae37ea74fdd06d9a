-- The participants of the meetings of a batch. In: [{event_id, meeting_id}].
SELECT asked.event_id, participant.user_id, NULL AS exclusion
FROM jsonb_to_recordset(%(asked)s) AS asked (event_id bigint, meeting_id uuid)
CROSS JOIN LATERAL (
    SELECT user_id FROM public.meeting_participants
    WHERE meeting_id = asked.meeting_id
    AND user_id >= coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
    AND user_id IS DISTINCT FROM %(after)s::uuid
    ORDER BY user_id
    LIMIT %(most)s
) AS participant
ORDER BY asked.event_id, participant.user_id
