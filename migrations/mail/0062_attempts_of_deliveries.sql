-- Retention keeps the attempts at a delivery that has not ended, of whichever channel: the job has to see
-- whether it has. This file is for push as well.

-- jobs/0050 calls the function too: whichever family comes last, the rest is done then.
CREATE FUNCTION fanout.join_deliveries_to_jobs() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF to_regclass('fanout.job_runs') IS NOT NULL THEN
        GRANT SELECT (id, finished_at) ON fanout.deliveries TO fanout_jobs;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION fanout.join_deliveries_to_jobs() FROM PUBLIC;
SELECT fanout.join_deliveries_to_jobs();
