-- Who takes part in the meetings of a batch. In: [{event_id, meeting_id}].
SELECT asked.event_id, participant.user_id, NULL AS exclusion
FROM jsonb_to_recordset(%(asked)s) AS asked (event_id bigint, meeting_id uuid)
JOIN public.meeting_participants AS participant USING (meeting_id)
ORDER BY asked.event_id, participant.user_id
