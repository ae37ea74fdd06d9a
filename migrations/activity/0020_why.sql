-- Why says how a row stands, and why it was not sent. Nobody reads its text for that.

GRANT USAGE ON SCHEMA activity TO fanout_viewer;
GRANT SELECT (
    id, user_id, notification_type, is_processed, created_at, deliver_at, taken_at, last_error
) ON activity.notifications TO fanout_operator, fanout_viewer;
-- When push was switched on: rows that are older are never sent.
GRANT SELECT (channel, since) ON fanout.channels TO fanout_viewer;

-- As in 0009: the grants say which verbs a role has, the policies that no row is hidden from it.
CREATE POLICY fanout_viewer ON activity.notifications FOR SELECT TO fanout_viewer USING (true);
