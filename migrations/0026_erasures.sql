-- Who had the data of a person erased, and when. The person's id itself is not kept.

CREATE TABLE fanout.erasures (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person_sha256 text NOT NULL,
    who           text NOT NULL DEFAULT session_user,
    started_at    timestamptz NOT NULL DEFAULT now(),
    finished_at   timestamptz,
    rows_changed  jsonb
);

COMMENT ON COLUMN fanout.erasures.person_sha256 IS
    'SHA-256, in hexadecimal, of the person''s id in lower case: proves that a known id was erased';
COMMENT ON COLUMN fanout.erasures.finished_at IS
    'NULL while it runs, or if it was killed: run it again';
COMMENT ON COLUMN fanout.erasures.rows_changed IS
    'number of rows by table';

GRANT SELECT, INSERT (person_sha256), UPDATE (finished_at, rows_changed)
    ON fanout.erasures TO fanout_operator;
GRANT DELETE ON public.notification_decisions TO fanout_operator;
GRANT UPDATE (data, attributes, message) ON public.event_dead_letters TO fanout_operator;

-- The ledger row of an event with many recipients names the last ones of a page. Operators may not
-- write to the ledger, so this function does the one thing that erasing needs: it empties told of final
-- events. Looks at the next rows after an event, at most so many of them; returns the last one that it
-- looked at (NULL: there was none), and how many rows name the person.
CREATE FUNCTION fanout.forget_told(person uuid, after bigint, most int, dry_run boolean)
RETURNS TABLE (last_event_id bigint, named bigint)
LANGUAGE sql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
    WITH page AS MATERIALIZED (
        SELECT event_id, processing_status, told
        FROM public.notification_processing
        WHERE event_id > after
        ORDER BY event_id
        LIMIT most
    ),
    naming AS MATERIALIZED (
        SELECT event_id
        FROM page
        WHERE person = ANY (told)
        AND processing_status IN ('completed', 'expired', 'unrouted', 'dead')
    ),
    emptied AS (
        UPDATE public.notification_processing AS ledger
        SET told = NULL
        WHERE NOT dry_run
        AND ledger.event_id = ANY (ARRAY(SELECT event_id FROM naming))
        AND ledger.processing_status IN ('completed', 'expired', 'unrouted', 'dead')
        RETURNING ledger.event_id
    )
    SELECT (SELECT max(event_id) FROM page),
           CASE WHEN dry_run
               THEN (SELECT count(*) FROM naming)
               ELSE (SELECT count(*) FROM emptied)
           END
$$;

REVOKE ALL ON FUNCTION fanout.forget_told(uuid, bigint, int, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fanout.forget_told(uuid, bigint, int, boolean) TO fanout_operator;
