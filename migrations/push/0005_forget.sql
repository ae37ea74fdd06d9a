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

-- As fanout.forget_deliveries of mail, for a database with push alone: it has no texts to delete.
CREATE FUNCTION fanout.forget_pushes(person uuid, after bigint, most integer, dry_run boolean)
RETURNS TABLE (last_sequence bigint, named bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    theirs uuid[];
BEGIN
    SELECT max(page.sequence),
        coalesce(array_agg(page.id) FILTER (
            WHERE page.user_id = person OR page.recipient = person::text), '{}')
    INTO last_sequence, theirs
    FROM (
        SELECT sequence, id, user_id, recipient
        FROM fanout.deliveries
        WHERE sequence > after
        ORDER BY sequence
        LIMIT most
    ) AS page;
    named := cardinality(theirs);
    IF NOT dry_run AND named > 0 THEN
        UPDATE fanout.deliveries SET
            state = CASE WHEN finished_at IS NULL THEN 'cancelled' ELSE state END,
            reason = CASE WHEN finished_at IS NULL THEN 'the person was erased' ELSE reason END,
            finished_at = coalesce(finished_at, now()),
            user_id = NULL,
            recipient = 'erased',
            collapse_key = NULL
        WHERE id = ANY (theirs) AND state <> 'leased';
        GET DIAGNOSTICS named = ROW_COUNT;
    END IF;
    RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION fanout.forget_pushes(uuid, bigint, integer, boolean) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION
    fanout.forget_devices(uuid, boolean), fanout.forget_pushes(uuid, bigint, integer, boolean)
    TO fanout_operator;

-- jobs/0061 calls the function too: whichever family comes last, the rest is done then.
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
