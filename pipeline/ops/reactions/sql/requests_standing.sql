-- How many community requests are open; of these, how many have expired, and how many others were
-- answered by all whom they asked.
SELECT
    (
        SELECT count(*)
        FROM reactions.community_requests AS request
        WHERE request.status IN ('open', 'responses_received')
    ),
    count(*) FILTER (WHERE why = 'expired'),
    count(*) FILTER (WHERE why = 'answered')
FROM fanout.requests_to_close(now())
