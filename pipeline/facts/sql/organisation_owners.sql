-- Who owns the organisations of a batch. In: [{event_id, organisation_id}].
SELECT asked.event_id, member.user_id, NULL AS exclusion
FROM jsonb_to_recordset(%(asked)s) AS asked (event_id bigint, organisation_id uuid)
JOIN public.org_members AS member
    ON member.org_id = asked.organisation_id AND member.role = 'owner'
ORDER BY asked.event_id, member.user_id
