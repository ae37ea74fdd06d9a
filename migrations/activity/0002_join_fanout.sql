-- Beside the fan-out, rows of activity.notifications are captured as deliveries are.

-- 0032 of the fan-out calls the function too: whichever family comes last, the rest is done then.
CREATE FUNCTION fanout.join_activity_to_fanout() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_publication WHERE pubname = 'fanout_events' AND NOT puballtables
    ) AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_publication_tables
        WHERE pubname = 'fanout_events' AND schemaname = 'activity' AND tablename = 'notifications'
    ) THEN
        ALTER PUBLICATION fanout_events ADD TABLE activity.notifications (id, created_at);
    END IF;
END
$$;
REVOKE ALL ON FUNCTION fanout.join_activity_to_fanout() FROM PUBLIC;
SELECT fanout.join_activity_to_fanout();
