-- What fanout_push may do with our tables: make, claim and settle deliveries.

GRANT USAGE ON SCHEMA public, fanout TO fanout_push;
GRANT SELECT, INSERT (
    id, cause, channel, recipient, kind, user_id, source, source_id, priority,
    deliver_at, next_attempt_at, expires_at, ages_while_paused, collapse_key,
    state, finished_at, reason
), UPDATE (
    state, next_attempt_at, lease_token, attempts, failures, started_at, finished_at,
    asked_at, unanswered, provider, provider_id, error_class, reason, ranked_at
) ON fanout.deliveries TO fanout_push;
GRANT INSERT ON fanout.attempts TO fanout_push;
GRANT SELECT, DELETE ON fanout.device_tokens TO fanout_push;
GRANT SELECT, INSERT (channel) ON fanout.channels TO fanout_push;
GRANT SELECT, INSERT (name, per_second, burst, tokens),
    UPDATE (tokens, refilled_at, blocked_until)
    ON fanout.rate_limits TO fanout_push;
GRANT EXECUTE ON FUNCTION fanout.delivery_id(text, text, text) TO fanout_push;
-- Its own breakers: of the bus, of the provider, of endpoints.
GRANT SELECT, DELETE,
    INSERT (name, state, reason, until, failures, fingerprint, cool_off_seconds),
    UPDATE (until, failures, cool_off_seconds)
    ON fanout.switches TO fanout_push;
GRANT SELECT, INSERT (graph, started_at, version, host),
    UPDATE (started_at, last_seen_at, version, host)
    ON fanout.graphs TO fanout_push;
GRANT SELECT ON public.fanout_migrations TO fanout_push;

-- As in 0009: the grants say which verbs a role has, the policies that no row is hidden from it.
CREATE POLICY fanout_push ON public.fanout_migrations TO fanout_push
    USING (true) WITH CHECK (true);

-- Mail grants these as well: a database may have push alone.
GRANT SELECT ON fanout.deliveries, fanout.channels TO fanout_operator;
GRANT SELECT ON fanout.deliveries, fanout.attempts TO fanout_viewer;
