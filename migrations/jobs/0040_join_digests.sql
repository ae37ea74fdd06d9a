-- Where mail came before the jobs: the rights of the job that makes digests.
DO $$
BEGIN
    IF to_regprocedure('fanout.join_digests()') IS NOT NULL THEN
        PERFORM fanout.join_digests();
    END IF;
END
$$;
