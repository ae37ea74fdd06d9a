-- Where mail came before this table: its rows are told in digests, too.
DO $$
BEGIN
    IF to_regprocedure('fanout.join_digest_pushes()') IS NOT NULL THEN
        PERFORM fanout.join_digest_pushes();
    END IF;
END
$$;
