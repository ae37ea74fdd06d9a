-- Where mail came before the fan-out: rights for digests of pushes.
DO $$
BEGIN
    IF to_regprocedure('fanout.join_digest_pushes()') IS NOT NULL THEN
        PERFORM fanout.join_digest_pushes();
    END IF;
END
$$;
