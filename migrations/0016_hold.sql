-- Keeps the rows that a write refers to from being deleted until it is committed.

-- A foreign key refuses a row whose person was deleted after the event was decided, and with it the
-- whole event. The writer asks these functions first: they lock as the foreign key would a moment
-- later (FOR KEY SHARE, of which a deletion waits and is waited for), and give back what is still
-- there. What is not is left out.
--
-- Functions with the rights of their owner, since FOR KEY SHARE asks for UPDATE on a column of the
-- table, while a foreign key, which does the same, asks the writer for nothing. An index look-up for
-- each id whatever the planner expects, hence OFFSET 0; in the order of the ids, so that two writers
-- wait for each other instead of deadlocking.
CREATE FUNCTION public.fanout_hold_events(ids bigint[]) RETURNS SETOF bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT held.id
    FROM unnest(ids) AS asked (id)
    CROSS JOIN LATERAL (
        SELECT event.id FROM public.domain_events AS event
        WHERE event.id = asked.id
        OFFSET 0
        FOR KEY SHARE
    ) AS held
$$;

CREATE FUNCTION public.fanout_hold_people(ids uuid[]) RETURNS SETOF uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT held.id
    FROM unnest(ids) AS asked (id)
    CROSS JOIN LATERAL (
        SELECT profile.id FROM public.profiles AS profile
        WHERE profile.id = asked.id
        OFFSET 0
        FOR KEY SHARE
    ) AS held
$$;

CREATE FUNCTION public.fanout_hold_projects(ids uuid[]) RETURNS SETOF uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT held.id
    FROM unnest(ids) AS asked (id)
    CROSS JOIN LATERAL (
        SELECT project.id FROM public.projects AS project
        WHERE project.id = asked.id
        OFFSET 0
        FOR KEY SHARE
    ) AS held
$$;

REVOKE ALL ON FUNCTION
    public.fanout_hold_events(bigint[]),
    public.fanout_hold_people(uuid[]),
    public.fanout_hold_projects(uuid[])
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    public.fanout_hold_events(bigint[]),
    public.fanout_hold_people(uuid[]),
    public.fanout_hold_projects(uuid[])
TO fanout_writer;
