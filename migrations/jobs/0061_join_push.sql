-- Where push came before the jobs: the rights of retention on what push leaves.
DO $$
BEGIN
    IF to_regprocedure('fanout.join_retention_of_push()') IS NOT NULL THEN
        PERFORM fanout.join_retention_of_push();
    END IF;
END
$$;
