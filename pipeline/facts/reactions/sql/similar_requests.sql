-- The newest open request like each of these. In: asked, [{number, category, expertise, since}].
SELECT asked.number, found.id
FROM jsonb_to_recordset(%(asked)s::jsonb) AS asked (
    number int, category text, expertise text[], since timestamptz
)
CROSS JOIN LATERAL (
    SELECT request.id
    FROM reactions.community_requests AS request
    WHERE request.status = 'open'
        AND request.category IS NOT DISTINCT FROM asked.category
        AND request.created_at >= asked.since
        AND request.expires_at > now()
        AND request.expertise_needed && asked.expertise
    ORDER BY request.created_at DESC, request.id
    LIMIT 1
) AS found
