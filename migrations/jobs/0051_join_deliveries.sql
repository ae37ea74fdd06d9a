-- Where mail or push came before the jobs: retention may see which deliveries have ended.
DO $$
BEGIN
    IF to_regprocedure('fanout.join_deliveries_to_jobs()') IS NOT NULL THEN
        PERFORM fanout.join_deliveries_to_jobs();
    END IF;
END
$$;
