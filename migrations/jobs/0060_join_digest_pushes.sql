-- Where mail came before the jobs: the right of the job that makes digests to take pushes.
DO $$
BEGIN
    IF to_regprocedure('fanout.join_digest_pushes()') IS NOT NULL THEN
        PERFORM fanout.join_digest_pushes();
    END IF;
END
$$;
