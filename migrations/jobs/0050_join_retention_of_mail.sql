-- Where mail came before the jobs: the rights of retention on what mail leaves.
DO $$
BEGIN
    IF to_regprocedure('fanout.join_retention_of_mail()') IS NOT NULL THEN
        PERFORM fanout.join_retention_of_mail();
    END IF;
END
$$;
