-- Plain wording for comments on tables and columns of the kernel. Nothing else changes.

COMMENT ON COLUMN public.event_dead_letters.letter_key IS
    'event:<id>, or the SHA-256 of a message without an event id; a redelivery updates the row';
COMMENT ON COLUMN public.event_dead_letters.fingerprint IS
    'hash of the cause: equal for all dead letters with the same cause';

COMMENT ON COLUMN public.fanout_replays.published IS
    'number of published messages; NULL, like finished_at, while it runs or if it was killed';

COMMENT ON TABLE fanout.graphs IS
    'when a process last reported that it runs the graph; started_at, version and host are its own';

COMMENT ON COLUMN fanout.switches.state IS
    'paused: set by a person, who also ends it with resume; open: set by the breaker, see until';
COMMENT ON COLUMN fanout.switches.until IS
    'for an open breaker: the time from which one event at a time is tried';
COMMENT ON COLUMN fanout.switches.reason IS
    'text for people; never a value of an event';
