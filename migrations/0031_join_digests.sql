-- Where mail came before the fan-out: what digests could not do without the fan-out's tables.
DO $$
BEGIN
    IF to_regprocedure('fanout.join_digests()') IS NOT NULL THEN
        PERFORM fanout.join_digests();
    END IF;
END
$$;
