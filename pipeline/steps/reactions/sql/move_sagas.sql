,
move AS MATERIALIZED (
    SELECT given.token, given.sequence, move.*
    FROM given
    CROSS JOIN LATERAL jsonb_to_recordset(given.moves) AS move (
        saga text, id uuid, seen_status text, seen_responses int, status text, response uuid,
        answered_by uuid, at timestamptz
    )
    WHERE given.state = 'done'
),
-- A worker whose lease was taken over moves nothing: the leases are locked before the rows.
held AS MATERIALIZED (
    SELECT record.lease_token AS token
    FROM fanout.reactions AS record
    WHERE record.state = 'leased'
        AND record.sequence = ANY (ARRAY(SELECT sequence FROM move))
        AND record.lease_token = ANY (ARRAY(SELECT token FROM move))
    ORDER BY record.sequence
    FOR NO KEY UPDATE
),
moving AS MATERIALIZED (
    SELECT saga, id FROM move WHERE token IN (SELECT token FROM held)
),
-- As they stand now, whoever changed them since they were read.
workflow AS MATERIALIZED (
    SELECT id, status, coalesce(cardinality(responses), 0) AS responses
    FROM reactions.solution_workflows
    WHERE id = ANY (ARRAY(SELECT id FROM moving WHERE saga = 'workflow'))
    ORDER BY id
    FOR NO KEY UPDATE
),
intro AS MATERIALIZED (
    SELECT id, status, 0 AS responses
    FROM reactions.intro_opportunities
    WHERE id = ANY (ARRAY(SELECT id FROM moving WHERE saga = 'intro'))
    ORDER BY id
    FOR NO KEY UPDATE
),
offer AS MATERIALIZED (
    SELECT id, status, 0 AS responses
    FROM reactions.intro_offers
    WHERE id = ANY (ARRAY(SELECT id FROM moving WHERE saga = 'offer'))
    ORDER BY id
    FOR NO KEY UPDATE
),
request AS MATERIALIZED (
    SELECT id, status, coalesce(cardinality(responses), 0) AS responses
    FROM reactions.community_requests
    WHERE id = ANY (ARRAY(SELECT id FROM moving WHERE saga = 'request'))
    ORDER BY id
    FOR NO KEY UPDATE
),
stands AS MATERIALIZED (
    SELECT 'workflow' AS saga, * FROM workflow
    UNION ALL
    SELECT 'intro', * FROM intro
    UNION ALL
    SELECT 'offer', * FROM offer
    UNION ALL
    SELECT 'request', * FROM request
),
-- Of several events of this batch that move one row, the first one does.
beaten AS MATERIALIZED (
    SELECT DISTINCT move.token
    FROM move
    LEFT JOIN stands USING (saga, id)
    WHERE stands.status IS DISTINCT FROM move.seen_status
        OR stands.responses IS DISTINCT FROM move.seen_responses
        OR EXISTS (
            SELECT FROM move AS earlier
            WHERE earlier.saga = move.saga AND earlier.id = move.id
                AND earlier.sequence < move.sequence
        )
)
