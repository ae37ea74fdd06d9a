-- The events are captured: inserts only, and of each only its id and time.
--
-- 0033 of the fan-out calls the function too. It is harmless to call it again. Where reactions.events is a
-- view, the table behind it is captured.
CREATE FUNCTION fanout.capture_reactions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    captured regclass;
BEGIN
    SELECT table_.oid INTO captured
    FROM pg_class AS table_
    WHERE table_.relkind IN ('r', 'p') AND (
        table_.oid = to_regclass('reactions.events')
        OR table_.oid IN (
            SELECT dependency.refobjid
            FROM pg_rewrite AS rule
            JOIN pg_depend AS dependency
                ON dependency.classid = 'pg_rewrite'::regclass
                AND dependency.objid = rule.oid
                AND dependency.refclassid = 'pg_class'::regclass
            WHERE rule.ev_class = to_regclass('reactions.events')
        )
    )
    LIMIT 1;

    -- A publication of all tables, or of a whole schema, is not ours to change.
    IF captured IS NOT NULL AND EXISTS (
        SELECT FROM pg_publication AS publication
        WHERE publication.pubname = 'fanout_events'
            AND NOT publication.puballtables
            AND NOT EXISTS (SELECT FROM pg_publication_namespace WHERE pnpubid = publication.oid)
            AND NOT EXISTS (
                SELECT FROM pg_publication_rel
                WHERE prpubid = publication.oid AND prrelid = captured
            )
    ) THEN
        EXECUTE format(
            'ALTER PUBLICATION fanout_events ADD TABLE %s (id, created_at)', captured);
    END IF;
END
$$;
REVOKE ALL ON FUNCTION fanout.capture_reactions() FROM PUBLIC;
SELECT fanout.capture_reactions();
