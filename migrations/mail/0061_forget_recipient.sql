-- Erasing a person from the deliveries of every channel. This file is for push as well.
--
-- Operators may not write to the ledger of deliveries, so this function does what erasing needs: it
-- takes the person's id from the deliveries to them, cancels those that wait, and deletes what was to
-- be said. Looks at the next rows after a sequence, at most so many; returns the last one that it
-- looked at (NULL: there was none), and how many name the person. A delivery that is being sent right
-- now keeps the id until it has ended: the next run finds it.
CREATE FUNCTION fanout.forget_recipient(person uuid, after bigint, most integer, dry_run boolean)
RETURNS TABLE (last_sequence bigint, named bigint)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
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
        -- Comes with mail.
        IF to_regclass('fanout.transactional_mails') IS NOT NULL THEN
            UPDATE fanout.transactional_mails SET address = NULL, payload = NULL
            WHERE delivery_id = ANY (theirs) AND address IS NOT NULL;
        END IF;
        UPDATE fanout.deliveries SET
            state = CASE WHEN finished_at IS NULL THEN 'cancelled' ELSE state END,
            reason = CASE WHEN finished_at IS NULL THEN 'the person was erased' ELSE reason END,
            finished_at = coalesce(finished_at, now()),
            user_id = NULL,
            recipient = 'erased',
            collapse_key = NULL
        WHERE id = ANY (theirs) AND state <> 'leased';
        GET DIAGNOSTICS named = ROW_COUNT;
        DELETE FROM fanout.delivery_bodies AS body
        USING fanout.deliveries AS delivery
        WHERE body.delivery_id = ANY (theirs)
            AND delivery.id = body.delivery_id
            AND delivery.finished_at IS NOT NULL;
        -- A request for several mails goes once all of them have ended: until then it is repeated
        -- whole, with its key. Retention deletes one that is still needed today.
        DELETE FROM fanout.batch_requests AS request
        WHERE request.members && theirs
            AND NOT EXISTS (
                SELECT FROM fanout.deliveries
                WHERE id = ANY (request.members) AND finished_at IS NULL
            );
    END IF;
    RETURN NEXT;
END
$$;

REVOKE ALL ON FUNCTION fanout.forget_recipient(uuid, bigint, integer, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fanout.forget_recipient(uuid, bigint, integer, boolean)
    TO fanout_operator;
