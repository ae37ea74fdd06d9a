-- The owners of the organisations of a batch. In: [{event_id, organisation_id}].
SELECT asked.event_id, member.user_id, NULL AS exclusion
FROM jsonb_to_recordset(%(asked)s) AS asked (event_id bigint, organisation_id uuid)
CROSS JOIN LATERAL (
    SELECT user_id FROM public.org_members
    WHERE org_id = asked.organisation_id AND role = 'owner'
    AND user_id >= coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
    AND user_id IS DISTINCT FROM %(after)s::uuid
    ORDER BY user_id
    LIMIT %(most)s
) AS member
ORDER BY asked.event_id, member.user_id
