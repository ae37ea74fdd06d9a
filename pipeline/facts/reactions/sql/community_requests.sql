-- Who asked these requests, what for, and how they and their workflows stand. In: ids.
SELECT
    request.id, request.requesting_user_id, request.context_type, request.context_id,
    request.status, request.responses, request.target_user_ids, request.answered_by,
    workflow.status AS workflow_status, workflow.responses AS workflow_responses
FROM reactions.community_requests AS request
LEFT JOIN reactions.solution_workflows AS workflow
    ON request.context_type = 'solution_workflow' AND workflow.id = request.context_id
WHERE request.id = ANY (%(ids)s::uuid[])
