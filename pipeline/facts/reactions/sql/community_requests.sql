-- Who asked these requests, what for, and how they and their workflows stand. In: ids. An application's
-- own table may have NULL for none.
SELECT
    request.id, request.requesting_user_id, request.context_type, request.context_id,
    request.status, coalesce(request.responses, '{}'), coalesce(request.target_user_ids, '{}'),
    coalesce(request.answered_by, '{}'),
    workflow.status AS workflow_status, workflow.responses AS workflow_responses
FROM reactions.community_requests AS request
LEFT JOIN reactions.solution_workflows AS workflow
    ON request.context_type = 'solution_workflow' AND workflow.id = request.context_id
WHERE request.id = ANY (%(ids)s::text[]::uuid[])
