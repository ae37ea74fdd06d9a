-- Sagas: the columns in which a row keeps how far it has come, the table of offers, and rights. Whoever
-- writes a row may leave out the new columns, so that an application needs no change.

DO $do$
DECLARE
    added record;
BEGIN
    -- A view over a table of an application has the columns of that table.
    FOR added IN
        SELECT class.oid::regclass AS name
        FROM pg_catalog.pg_class AS class
        WHERE class.relnamespace = 'reactions'::regnamespace AND class.relkind IN ('r', 'p')
            AND class.relname IN ('solution_workflows', 'community_requests')
    LOOP
        EXECUTE format(
            'ALTER TABLE %s ADD COLUMN IF NOT EXISTS responses uuid[] NOT NULL DEFAULT %L',
            added.name, '{}'
        );
    END LOOP;
END
$do$;
COMMENT ON COLUMN reactions.solution_workflows.responses IS
    'the ids of the responses that it has counted';
COMMENT ON COLUMN reactions.community_requests.responses IS
    'the ids of the responses that it has counted';

CREATE TABLE IF NOT EXISTS reactions.intro_offers (
    id                 uuid PRIMARY KEY,
    offering_user_id   uuid NOT NULL,
    introducee_user_id uuid NOT NULL,
    status             text NOT NULL DEFAULT 'offered',
    expires_at         timestamptz,
    created_at         timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT (responses), INSERT (id, user_id, status), UPDATE (responses)
    ON reactions.solution_workflows TO fanout_reactions;
GRANT SELECT (target_user_ids, responses, answered_by, closed_at),
    UPDATE (status, responses, answered_by, closed_at)
    ON reactions.community_requests TO fanout_reactions;
GRANT SELECT (id, status), INSERT (
    id, offering_user_id, introducee_user_id, status, expires_at
), UPDATE (status) ON reactions.intro_offers TO fanout_reactions;
GRANT SELECT (completed_at) ON reactions.solution_workflows, reactions.intro_opportunities
    TO fanout_reactions;
-- An event that is due later.
GRANT INSERT (next_attempt_at) ON fanout.reactions TO fanout_reactions;
