-- What change data capture reads: inserted events, and a heartbeat that moves the slot when idle.

CREATE TABLE public.fanout_heartbeat (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    beat_at timestamptz NOT NULL DEFAULT now()
);

-- Inserts only: domain_events is append-only, and an UPDATE of it would arrive with its large
-- columns missing.
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_publication WHERE pubname = 'fanout_events'
    ) THEN
        CREATE PUBLICATION fanout_events
            FOR TABLE public.domain_events, public.fanout_heartbeat
            WITH (publish = 'insert');
    END IF;
END
$$;
