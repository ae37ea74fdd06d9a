-- What sending needs: rights of fanout_sender, and an index for batches that are repeated.

CREATE INDEX deliveries_batch_idx ON fanout.deliveries (batch_id)
    WHERE state IN ('pending', 'waiting', 'leased') AND batch_id IS NOT NULL;

GRANT UPDATE (batch_id, source_taken_at),
    INSERT (
        id, cause, channel, recipient, kind, user_id, source, source_id, expires_at
    )
    ON fanout.deliveries TO fanout_sender;
GRANT SELECT, INSERT (delivery_id, provider, body) ON fanout.delivery_bodies TO fanout_sender;
GRANT SELECT, INSERT (id, provider, key, members, body, asked_at)
    ON fanout.batch_requests TO fanout_sender;
GRANT SELECT, INSERT (channel) ON fanout.channels TO fanout_sender;
GRANT SELECT, INSERT (name, per_second, burst, tokens),
    UPDATE (tokens, refilled_at, blocked_until)
    ON fanout.rate_limits TO fanout_sender;
GRANT SELECT (address_hash) ON fanout.suppressions TO fanout_sender;
GRANT EXECUTE ON FUNCTION
    fanout.delivery_id(text, text, text), fanout.address_hash(text) TO fanout_sender;
-- Its own breakers: of providers.
GRANT DELETE,
    INSERT (name, state, reason, until, failures, fingerprint, cool_off_seconds),
    UPDATE (until, failures, cool_off_seconds)
    ON fanout.switches TO fanout_sender;
GRANT SELECT, INSERT (graph, started_at, version, host),
    UPDATE (started_at, last_seen_at, version, host)
    ON fanout.graphs TO fanout_sender;
