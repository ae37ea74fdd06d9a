-- activity.notifications: any service inserts a row, and push tells the person. The table is made
-- where it is missing. Where it exists, it only gets the columns that it lacks.

CREATE SCHEMA IF NOT EXISTS activity;
CREATE TABLE IF NOT EXISTS activity.notifications (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id           uuid NOT NULL,
    title             text NOT NULL,
    message           text NOT NULL,
    notification_type text NOT NULL DEFAULT 'system',
    is_processed      boolean NOT NULL DEFAULT false,
    deliver_at        timestamptz NOT NULL DEFAULT now(),
    priority          text NOT NULL DEFAULT 'normal' CHECK (
        priority IN ('critical', 'urgent', 'high', 'normal', 'medium', 'low')),
    payload           jsonb NOT NULL DEFAULT '{}',
    created_at        timestamptz NOT NULL DEFAULT now()
);

-- A table that lacks one of these is something else.
DO $$
DECLARE
    lacking text;
BEGIN
    SELECT string_agg(wanted.name || ' ' || wanted.type, ', ' ORDER BY wanted.place) INTO lacking
    FROM (VALUES
        (1, 'id', 'uuid'), (2, 'user_id', 'uuid'), (3, 'title', 'text'), (4, 'message', 'text'),
        (5, 'notification_type', 'text'), (6, 'is_processed', 'boolean'),
        (7, 'deliver_at', 'timestamp with time zone'), (8, 'priority', 'text'),
        (9, 'payload', 'jsonb')
    ) AS wanted (place, name, type)
    WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute
        WHERE attrelid = 'activity.notifications'::regclass AND NOT attisdropped
            AND attname = wanted.name AND format_type(atttypid, NULL) = wanted.type
    );
    IF lacking IS NOT NULL THEN
        RAISE EXCEPTION 'activity.notifications lacks columns: %', lacking
        USING HINT = 'rename the table, or add the columns with these types; then run migrate again';
    END IF;
END
$$;

-- Without a default: a row that is older than the column keeps NULL, and is never sent.
ALTER TABLE activity.notifications
    ADD COLUMN IF NOT EXISTS created_at timestamptz,
    ADD COLUMN IF NOT EXISTS error_count integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS last_error text,
    ADD COLUMN IF NOT EXISTS expires_at timestamptz,
    ADD COLUMN IF NOT EXISTS collapse_key text,
    ADD COLUMN IF NOT EXISTS taken_at timestamptz;
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('created_at', 'now()'), ('deliver_at', 'now()'), ('is_processed', 'false'),
            ('priority', '''normal'''), ('notification_type', '''system'''), ('payload', '''{}''')
        ) AS column_default (name, expression)
        WHERE EXISTS (
            SELECT FROM pg_catalog.pg_attribute
            WHERE attrelid = 'activity.notifications'::regclass AND attname = name
                AND NOT atthasdef
        )
    LOOP
        EXECUTE format(
            'ALTER TABLE activity.notifications ALTER COLUMN %I SET DEFAULT %s',
            wanted.name, wanted.expression);
    END LOOP;
END
$$;

COMMENT ON COLUMN activity.notifications.user_id IS
    'who is told; the nil UUID is everyone, and only for members of fanout_broadcaster';
COMMENT ON COLUMN activity.notifications.is_processed IS
    'all of its deliveries have ended; fanout.deliveries says how';
COMMENT ON COLUMN activity.notifications.deliver_at IS
    'it is never sent before';
COMMENT ON COLUMN activity.notifications.error_count IS
    'tries that failed and count';
COMMENT ON COLUMN activity.notifications.last_error IS
    'what failed last, after the name of the channel on which it did';
COMMENT ON COLUMN activity.notifications.expires_at IS
    'it is not sent any more then; NULL: when the maximum age of the channel is over';
COMMENT ON COLUMN activity.notifications.collapse_key IS
    'a later row for the same person with this key replaces this one while it waits';
COMMENT ON COLUMN activity.notifications.taken_at IS
    'when push made its deliveries; set by push alone';

-- What is to be taken, critical rows apart. Where the table is large, build it beforehand with
-- CREATE INDEX CONCURRENTLY, after adding the columns: to build it here blocks writers of the table
-- for about a second per million rows.
CREATE INDEX IF NOT EXISTS fanout_notifications_to_take_idx
    ON activity.notifications (coalesce(priority IN ('critical', 'urgent'), false), created_at)
    WHERE NOT is_processed AND taken_at IS NULL;

-- A bug that empties an id must not tell everyone: the nil UUID needs a role.
CREATE FUNCTION fanout.refuse_broadcast() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF NOT pg_has_role(current_user, 'fanout_broadcaster', 'MEMBER') THEN
        RAISE EXCEPTION '% may not notify everyone', current_user
        USING ERRCODE = 'insufficient_privilege',
            HINT = 'give the id of a person in user_id, or grant the role fanout_broadcaster';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION fanout.refuse_broadcast() FROM PUBLIC;
CREATE TRIGGER fanout_refuse_broadcast BEFORE INSERT OR UPDATE OF user_id ON activity.notifications
    FOR EACH ROW WHEN (NEW.user_id = '00000000-0000-0000-0000-000000000000')
    EXECUTE FUNCTION fanout.refuse_broadcast();

-- Keep is_processed, error_count and last_error true, whoever ends a delivery and in whatever way.
--
-- Deliveries of one row may end at the same time in two transactions. Each locks the row first and
-- then looks at all of its deliveries, so the second one sees what the first one wrote.
CREATE FUNCTION fanout.show_in_activity() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    changed uuid[];
BEGIN
    SELECT array_agg(DISTINCT after.source_id::uuid) INTO changed
    FROM after JOIN before USING (id)
    WHERE after.source = 'activity.notifications'
        AND (after.failures > before.failures OR after.finished_at IS NOT NULL)
        AND before.finished_at IS NULL;
    IF changed IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM FROM activity.notifications WHERE id = ANY (changed) ORDER BY id FOR UPDATE;
    UPDATE activity.notifications AS shown SET
        is_processed = NOT EXISTS (
            SELECT FROM fanout.deliveries AS delivery
            WHERE delivery.cause = 'activity.notifications:' || shown.id
                AND delivery.finished_at IS NULL
        ),
        error_count = coalesce(shown.error_count, 0) + failed.times,
        last_error = coalesce(failed.error, shown.last_error)
    FROM (
        SELECT after.source_id,
            sum(after.failures - before.failures) AS times,
            (array_agg(after.channel || ': ' || coalesce(after.reason, after.state)
                ORDER BY after.sequence DESC
            ) FILTER (
                WHERE after.failures > before.failures OR after.state IN ('dead', 'expired')
            ))[1] AS error
        FROM after JOIN before USING (id)
        WHERE after.source = 'activity.notifications' AND before.finished_at IS NULL
        GROUP BY after.source_id
    ) AS failed
    WHERE shown.id = ANY (changed) AND failed.source_id = shown.id::text;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION fanout.show_in_activity() FROM PUBLIC;
CREATE TRIGGER show_in_activity AFTER UPDATE ON fanout.deliveries
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION fanout.show_in_activity();

GRANT USAGE ON SCHEMA activity TO fanout_push, fanout_producer, fanout_operator;
GRANT SELECT, UPDATE (is_processed, error_count, last_error, taken_at)
    ON activity.notifications TO fanout_push;
-- For forget, which says how many rows of a person are left.
GRANT SELECT (user_id) ON activity.notifications TO fanout_operator;
GRANT INSERT (
    id, user_id, title, message, notification_type, deliver_at, priority, payload, expires_at,
    collapse_key
) ON activity.notifications TO fanout_producer;

-- As in 0009: the grants say which verbs a role has, the policies that no row is hidden from it.
CREATE POLICY fanout_push ON activity.notifications TO fanout_push USING (true) WITH CHECK (true);
CREATE POLICY fanout_operator ON activity.notifications FOR SELECT TO fanout_operator USING (true);
CREATE POLICY fanout_producer ON activity.notifications FOR INSERT TO fanout_producer
    WITH CHECK (true);
