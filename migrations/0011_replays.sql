-- Who replayed which events, when and why, and how far it got.

-- id comes from the program: it is on every message of the replay, and an insert whose answer was
-- lost can be repeated.
CREATE TABLE public.fanout_replays (
    id          uuid PRIMARY KEY,
    who         text NOT NULL DEFAULT session_user,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    selector    jsonb NOT NULL,
    note        text,
    planned     int NOT NULL,
    published   int,
    result      text
);

COMMENT ON COLUMN public.fanout_replays.published IS
    'NULL with finished_at NULL: still going on, or ended without a word';

GRANT SELECT ON public.fanout_replays TO fanout_writer, fanout_operator;
-- Who and when are the database's to say, and what was said at the start stays.
GRANT INSERT (id, selector, note, planned), UPDATE (finished_at, published, result)
    ON public.fanout_replays TO fanout_operator;

-- As in 0009: the grants say which verbs a role has, the policies that no row is hidden from it.
ALTER TABLE public.fanout_replays ENABLE ROW LEVEL SECURITY;
CREATE POLICY fanout_writer ON public.fanout_replays TO fanout_writer
    USING (true) WITH CHECK (true);
CREATE POLICY fanout_operator ON public.fanout_replays TO fanout_operator
    USING (true) WITH CHECK (true);
