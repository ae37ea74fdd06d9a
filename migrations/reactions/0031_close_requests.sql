-- Which community requests are to be closed, and what the job that closes them may do.

DO $do$
DECLARE
    requests regclass := (
        -- A view over a table of an application has the columns of that table.
        SELECT oid FROM pg_catalog.pg_class
        WHERE oid = 'reactions.community_requests'::regclass AND relkind IN ('r', 'p')
    );
BEGIN
    IF requests IS NOT NULL THEN
        ALTER TABLE reactions.community_requests
            ADD COLUMN IF NOT EXISTS answered_by uuid[] NOT NULL DEFAULT '{}',
            ADD COLUMN IF NOT EXISTS closed_at timestamptz;
        CREATE INDEX IF NOT EXISTS community_requests_to_close_idx
            ON reactions.community_requests (id) WHERE status IN ('open', 'responses_received');
    END IF;
END
$do$;
COMMENT ON COLUMN reactions.community_requests.answered_by IS
    'who has answered; when these are all who were asked, the request is closed';

-- One place for the job, for reports and for the service. A function, since a view would depend on the
-- table, which may be replaced.
CREATE FUNCTION fanout.requests_to_close(at timestamptz) RETURNS TABLE (id uuid, why text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog
AS $$
    SELECT request.id, CASE WHEN request.expires_at <= at THEN 'expired' ELSE 'answered' END
    FROM reactions.community_requests AS request
    WHERE request.status IN ('open', 'responses_received')
        AND (
            request.expires_at <= at
            OR cardinality(request.target_user_ids) > 0
                AND request.answered_by @> request.target_user_ids
        )
$$;
REVOKE ALL ON FUNCTION fanout.requests_to_close(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fanout.requests_to_close(timestamptz)
    TO fanout_jobs, fanout_operator, fanout_viewer;

GRANT SELECT (id, status), UPDATE (status, closed_at)
    ON reactions.community_requests TO fanout_jobs;
GRANT SELECT (item_type, item_id, status), UPDATE (status) ON reactions.inbox_items TO fanout_jobs;
