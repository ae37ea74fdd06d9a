-- How the rows of sagas stand. In: asked, a JSON array of {saga, id}. Out: saga, id, status, responses.
-- An application's own table may have NULL for none.
WITH asked AS (
    SELECT saga, id FROM jsonb_to_recordset(%(asked)s::jsonb) AS asked (saga text, id uuid)
)
SELECT saga, id, status, coalesce(responses, '{}')
FROM asked
JOIN reactions.solution_workflows USING (id)
WHERE saga = 'workflow'
UNION ALL
SELECT saga, id, status, '{}'::uuid[]
FROM asked
JOIN reactions.intro_opportunities USING (id)
WHERE saga = 'intro'
UNION ALL
SELECT saga, id, status, '{}'::uuid[]
FROM asked
JOIN reactions.intro_offers USING (id)
WHERE saga = 'offer'
UNION ALL
SELECT saga, id, status, coalesce(responses, '{}')
FROM asked
JOIN reactions.community_requests USING (id)
WHERE saga = 'request'
