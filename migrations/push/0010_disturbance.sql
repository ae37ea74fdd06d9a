-- When phones may ring, and how often: the settings for everyone, and what the application says of people.

-- One row. Times are those of the clock on the person's wall.
CREATE TABLE fanout.disturbance (
    only_one    boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    quiet_from  time NOT NULL DEFAULT '22:00',
    quiet_until time NOT NULL DEFAULT '08:00',
    active_for  interval NOT NULL DEFAULT '10 minutes' CHECK (active_for >= '0'),
    per_hour    int NOT NULL DEFAULT 2 CHECK (per_hour >= 0),
    per_day     int NOT NULL DEFAULT 10 CHECK (per_day >= 0)
);
INSERT INTO fanout.disturbance DEFAULT VALUES;

COMMENT ON COLUMN fanout.disturbance.quiet_from IS
    'no phone rings from then to quiet_until, past midnight if that is earlier; equal: no quiet hours';
COMMENT ON COLUMN fanout.disturbance.active_for IS
    'who used the application within this time is awake, whatever the hour';
COMMENT ON COLUMN fanout.disturbance.per_hour IS
    'pushes to one person in any 60 minutes, critical ones apart; per_day: in any 24 hours';

CREATE TABLE fanout.send_windows (
    id     int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    days   int[] NOT NULL DEFAULT '{1,2,3,4,5,6,7}' CHECK (
        cardinality(days) > 0 AND array_position(days, NULL) IS NULL
        AND days <@ '{1,2,3,4,5,6,7}'::int[]),
    opens  time NOT NULL,
    closes time NOT NULL,
    CHECK (opens < closes)
);

COMMENT ON TABLE fanout.send_windows IS
    'if there is a row, phones ring only within one of these, and never in quiet hours';
COMMENT ON COLUMN fanout.send_windows.days IS
    '1 is Monday, 7 is Sunday';
COMMENT ON COLUMN fanout.send_windows.closes IS
    'no phone rings from then on; 24:00 is the end of the day';

-- The application knows people, and may replace these views: docs/your-tables.md. Their zones are in
-- fanout.person_zones; who is missing there has that of fanout.digest_hours.
CREATE VIEW fanout.person_activity AS
SELECT NULL::uuid AS user_id, NULL::timestamptz AS active_at WHERE false;
CREATE VIEW fanout.person_disturbance AS
SELECT NULL::uuid AS user_id, NULL::time AS quiet_from, NULL::time AS quiet_until,
    NULL::int AS per_hour, NULL::int AS per_day
WHERE false;

COMMENT ON VIEW fanout.person_activity IS
    'when a person used the application last';
COMMENT ON VIEW fanout.person_disturbance IS
    'what a person has set; NULL, or no row: as fanout.disturbance says';

-- The pushes of a person in the last hour and day.
CREATE INDEX deliveries_to_phones_idx ON fanout.deliveries (user_id, created_at)
    WHERE channel = 'fcm';

GRANT SELECT ON
    fanout.disturbance, fanout.send_windows, fanout.person_disturbance, fanout.person_zones,
    fanout.digest_hours
    TO fanout_push, fanout_operator, fanout_viewer;
GRANT SELECT ON fanout.person_activity TO fanout_push;

-- 0032 of the fan-out calls the function too: whichever family comes last, the rest is done then.
CREATE FUNCTION fanout.join_disturbance_to_fanout() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF to_regclass('public.notification_processing') IS NULL THEN
        RETURN;
    END IF;
    -- Whose project decides what a person has muted, and who is in a meeting.
    GRANT SELECT (id, project_id) ON public.chat_threads TO fanout_push;
    GRANT SELECT (project_id) ON public.resources TO fanout_push;
    GRANT SELECT (meeting_id) ON public.domain_events TO fanout_push;
    IF EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE oid = to_regclass('public.chat_threads') AND relkind IN ('r', 'p')
    ) AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_policies
        WHERE schemaname = 'public' AND tablename = 'chat_threads' AND policyname = 'fanout_push'
    ) THEN
        CREATE POLICY fanout_push ON public.chat_threads TO fanout_push
            USING (true) WITH CHECK (true);
    END IF;
END
$$;
REVOKE ALL ON FUNCTION fanout.join_disturbance_to_fanout() FROM PUBLIC;
SELECT fanout.join_disturbance_to_fanout();
