-- A counter row outlives the event that opened it, as long as another event it counts is there.

-- notifications.event_id is a foreign key with ON DELETE CASCADE, and a counter row has the id of the
-- first message it counted. Deleting that event would take the count of all later messages along. So
-- before an event is deleted, the counter rows that name it are given the newest event they count.
-- That event has a row of its own then, so its decision 'counted' goes.
--
-- Which events a row counts, its person's decisions say: those of the thread, made after the last
-- change of the counter row before it. The events of the thread are looked for once, by their time,
-- within a day around that of the rows: messages are counted soon, or not at all.
--
-- SECURITY DEFINER: whoever may delete events needs no right on notifications for the cascade, and so
-- needs none for this.
CREATE FUNCTION public.fanout_keep_counters() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    counter record;
    messages bigint[];
    heir bigint;
BEGIN
    FOR counter IN
        -- The lock first: what is being counted now is committed before it is looked for below.
        SELECT id, user_id, counter_thread_id, created_at, max(created_at) OVER () AS newest
        FROM (
            SELECT id, user_id, counter_thread_id, created_at
            FROM public.notifications
            WHERE event_id = OLD.id
                AND counter_thread_id IS NOT NULL
                AND payload ->> 'count' IS DISTINCT FROM '1'
            ORDER BY user_id
            FOR NO KEY UPDATE
        ) AS locked
    LOOP
        messages := coalesce(messages, ARRAY(
            SELECT event.id
            FROM public.domain_events AS event
            WHERE event.thread_id = counter.counter_thread_id
                AND event.id <> OLD.id
                AND event.created_at >= OLD.created_at - interval '1 day'
                AND event.created_at <= counter.newest + interval '1 day'
            ORDER BY event.created_at DESC, event.id DESC
            LIMIT 1000
        ));
        SELECT decision.event_id
        INTO heir
        FROM unnest(messages) WITH ORDINALITY AS message (id, place)
        JOIN public.notification_decisions AS decision
            ON decision.event_id = message.id
            AND decision.user_id = counter.user_id
            AND decision.channel = 'in_app'
        WHERE decision.reason = 'counted'
            AND decision.created_at <= counter.created_at
            AND decision.created_at > coalesce(
                (
                    SELECT max(former.created_at)
                    FROM public.notifications AS former
                    WHERE former.user_id = counter.user_id
                        AND former.counter_thread_id = counter.counter_thread_id
                        AND former.id < counter.id
                ),
                '-infinity')
            AND NOT EXISTS (
                SELECT
                FROM public.notifications AS other
                WHERE other.event_id = decision.event_id
                    AND other.user_id = counter.user_id
                    AND other.kind = 'thread_activity'
            )
        ORDER BY message.place
        LIMIT 1;
        CONTINUE WHEN heir IS NULL;
        UPDATE public.notifications SET event_id = heir WHERE id = counter.id;
        DELETE FROM public.notification_decisions
        WHERE event_id = heir AND user_id = counter.user_id AND channel = 'in_app';
    END LOOP;
    RETURN OLD;
END
$$;

-- Fired by the table, whoever deletes; nobody calls it.
REVOKE ALL ON FUNCTION public.fanout_keep_counters() FROM PUBLIC;

CREATE TRIGGER fanout_keep_counters BEFORE DELETE ON public.domain_events
    FOR EACH ROW EXECUTE FUNCTION public.fanout_keep_counters();
