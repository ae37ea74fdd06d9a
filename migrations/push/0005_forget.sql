-- Erasing a person where the database has push, and deleting what ended long ago.

-- Delete the devices of a person, and return how many there are. A dry run only counts.
CREATE FUNCTION fanout.forget_devices(person uuid, dry_run boolean) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    found bigint;
BEGIN
    IF dry_run THEN
        SELECT count(*) INTO found FROM fanout.device_tokens WHERE user_id = person;
    ELSE
        DELETE FROM fanout.device_tokens WHERE user_id = person;
        GET DIAGNOSTICS found = ROW_COUNT;
    END IF;
    RETURN found;
END
$$;
REVOKE ALL ON FUNCTION fanout.forget_devices(uuid, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fanout.forget_devices(uuid, boolean) TO fanout_operator;

-- jobs/0050 calls the function too: whichever family comes last, the rest is done then.
CREATE FUNCTION fanout.join_retention_of_push() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF to_regclass('fanout.job_runs') IS NULL THEN
        RETURN;
    END IF;
    GRANT SELECT (id, channel, recipient, collapse_key, sequence, finished_at), DELETE
        ON fanout.deliveries TO fanout_jobs;
    GRANT SELECT ON fanout.channels TO fanout_jobs;
END
$$;
REVOKE ALL ON FUNCTION fanout.join_retention_of_push() FROM PUBLIC;
SELECT fanout.join_retention_of_push();
