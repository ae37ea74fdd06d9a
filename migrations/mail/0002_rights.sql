-- What fanout_sender may do with our tables: claim, keep and settle deliveries.

GRANT USAGE ON SCHEMA public, fanout TO fanout_sender;
GRANT SELECT, UPDATE (
    state, next_attempt_at, lease_token, attempts, failures, started_at, finished_at,
    asked_at, unanswered, provider, provider_id, error_class, reason
) ON fanout.deliveries TO fanout_sender;
GRANT INSERT ON fanout.attempts TO fanout_sender;
GRANT SELECT ON fanout.switches, public.fanout_migrations TO fanout_sender;
GRANT SELECT ON fanout.deliveries TO fanout_operator;

-- As in 0009: the grants say which verbs a role has, the policies that no row is hidden from it.
CREATE POLICY fanout_sender ON public.fanout_migrations TO fanout_sender
    USING (true) WITH CHECK (true);
