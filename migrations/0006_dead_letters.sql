-- Events that failed for good, kept whole until someone replays or dismisses them.

-- event_id has no foreign key: the message may name an event that never existed or was deleted.
CREATE TABLE public.event_dead_letters (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    letter_key       text NOT NULL UNIQUE,
    event_id         bigint,
    event_type       text,
    stage            text NOT NULL,
    error_class      text NOT NULL,
    message          text NOT NULL,
    fingerprint      text NOT NULL,
    attempt          int NOT NULL DEFAULT 1,
    data             bytea,
    attributes       jsonb,
    pipeline_version text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    last_seen_at     timestamptz NOT NULL DEFAULT now(),
    resolved_at      timestamptz,
    resolution       text
);

CREATE INDEX event_dead_letters_open_idx
    ON public.event_dead_letters (fingerprint, last_seen_at) WHERE resolved_at IS NULL;
CREATE INDEX event_dead_letters_event_id_idx
    ON public.event_dead_letters (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX event_dead_letters_last_seen_at_idx ON public.event_dead_letters (last_seen_at);

COMMENT ON COLUMN public.event_dead_letters.letter_key IS
    'event:<id>, or the SHA-256 of a message that names no event: a redelivery counts, not repeats';
COMMENT ON COLUMN public.event_dead_letters.fingerprint IS
    'equal for dead letters with one cause';
