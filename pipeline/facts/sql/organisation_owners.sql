-- Who owns the organisations of a batch. In: [{event_id, organisation_id}].
SELECT asked.event_id, member.user_id, NULL AS exclusion
FROM jsonb_to_recordset(%(asked)s) AS asked (event_id bigint, organisation_id uuid)
CROSS JOIN LATERAL (
    SELECT user_id FROM public.org_members
    WHERE org_id = asked.organisation_id AND role = 'owner' OFFSET 0
) AS member
ORDER BY asked.event_id, member.user_id
