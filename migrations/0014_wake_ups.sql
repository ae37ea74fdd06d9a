-- What a stream of wake-ups keeps beside the ledger, in a schema of our own.

CREATE SCHEMA IF NOT EXISTS fanout;

-- A message only wakes; whether an old event is still wanted stands here, where a replay puts it.
CREATE TABLE fanout.age_exemptions (
    event_id   bigint PRIMARY KEY,
    replay_id  uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE fanout.age_exemptions IS
    'events that a replay wants completed however old they are';

-- One row for each form of message that the stream has received, so that the publication is not
-- narrowed before both ends are ready for it.
CREATE TABLE fanout.messages_seen (
    form         text PRIMARY KEY CHECK (form IN ('ids', 'payloads')),
    last_seen_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE fanout.messages_seen IS
    'when the stream last received a message of an id alone, and one with a payload';

REVOKE ALL ON SCHEMA fanout FROM PUBLIC;
GRANT USAGE ON SCHEMA fanout TO fanout_writer, fanout_operator;
GRANT SELECT ON fanout.age_exemptions TO fanout_writer, fanout_operator;
GRANT INSERT (event_id, replay_id) ON fanout.age_exemptions TO fanout_operator;
GRANT SELECT, INSERT (form), UPDATE (last_seen_at) ON fanout.messages_seen TO fanout_writer;
GRANT SELECT ON fanout.messages_seen TO fanout_operator;

-- Where nobody captures yet there is nothing to be careful about: ids and times from the first event
-- on. Elsewhere it is done by a command, once Debezium sends ids: python -m pipeline capture.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = 'fanout_events')
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_replication_slots WHERE database = current_database()
        )
    THEN
        ALTER PUBLICATION fanout_events
            SET TABLE public.domain_events (id, created_at), public.fanout_heartbeat;
    END IF;
END
$$;
