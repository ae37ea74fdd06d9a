-- The fan-out writes the deliveries of the mails that are sent at once, in its own statement.

GRANT SELECT (id, cause, channel, state, next_attempt_at),
    INSERT (
        id, cause, channel, recipient, kind, user_id, source, source_id, expires_at,
        deliver_at, next_attempt_at
    ),
    UPDATE (deliver_at, next_attempt_at)
    ON fanout.deliveries TO fanout_writer;
GRANT SELECT ON fanout.channels TO fanout_writer, fanout_operator;
GRANT EXECUTE ON FUNCTION fanout.delivery_id(text, text, text) TO fanout_writer;
