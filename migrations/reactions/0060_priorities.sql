-- Priorities as an application has them: numbers, words, or an enum of words.

-- From the column to the rank: 0 is urgent, 1 high, 2 medium, 3 low. NULL and words that are not known
-- are medium. Called immutable, so that an index can have it: the rank of an enum's value changes only
-- if somebody renames the value. It names nothing of ours: whoever writes into an indexed table of the
-- application runs it, without a right on our schema.
CREATE FUNCTION fanout.rank_of(priority anyelement) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE lower(priority::text)
        WHEN '0' THEN 0 WHEN 'urgent' THEN 0 WHEN 'critical' THEN 0
        WHEN '1' THEN 1 WHEN 'high' THEN 1
        WHEN '3' THEN 3 WHEN 'low' THEN 3
        ELSE 2
    END::smallint
$$;

-- From the rank to the column: what a column of this type says for the ranks 0, 1, 2 and 3. With a
-- constant in, as in (NULL::reactions.agent_tasks).priority, it is called once for a statement.
CREATE FUNCTION fanout.priorities(of_type anyelement) RETURNS anyarray
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN CASE
        WHEN (SELECT typcategory FROM pg_catalog.pg_type WHERE oid = pg_typeof(of_type)) = 'N'
        THEN '{0,1,2,3}'
        ELSE '{urgent,high,medium,low}'
    END;
END
$$;

-- What is due is found by these, in its order. Of an application, the table behind the view has it. It
-- takes about a second for a million rows and blocks writers of the table meanwhile; whoever cannot have
-- that builds the same index CONCURRENTLY before.
DO $do$
DECLARE
    queue record;
BEGIN
    FOR queue IN
        SELECT
            table_.oid::regclass AS name,
            namespace.nspname AS schema,
            CASE namespace.nspname WHEN 'reactions' THEN '' ELSE 'reactions_' END
                || known.name AS prefix,
            known.status
        FROM (VALUES ('agent_tasks', 'pending'), ('message_queue', 'queued'))
            AS known (name, status)
        JOIN pg_catalog.pg_class AS table_
            ON table_.relkind IN ('r', 'p') AND (
                table_.oid = to_regclass('reactions.' || known.name)
                OR table_.oid IN (
                    SELECT dependency.refobjid
                    FROM pg_catalog.pg_rewrite AS rule
                    JOIN pg_catalog.pg_depend AS dependency
                        ON dependency.classid = 'pg_catalog.pg_rewrite'::regclass
                        AND dependency.objid = rule.oid
                        AND dependency.refclassid = 'pg_catalog.pg_class'::regclass
                    WHERE rule.ev_class = to_regclass('reactions.' || known.name)
                )
            )
        JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = table_.relnamespace
    LOOP
        EXECUTE format(
            'CREATE INDEX IF NOT EXISTS %I ON %s'
            ' (fanout.rank_of(priority), scheduled_for, created_at, id) WHERE status = %L',
            queue.prefix || '_ranked_idx', queue.name, queue.status
        );
        EXECUTE format('DROP INDEX IF EXISTS %I.%I', queue.schema, queue.prefix || '_due_idx');
    END LOOP;
END
$do$;

-- It was for texts only.
DROP FUNCTION fanout.priority_rank(text);
