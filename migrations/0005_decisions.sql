-- Why someone who might have been told was not.

-- user_id has no foreign key: a candidate without a profile is one of the reasons.
CREATE TABLE public.notification_decisions (
    event_id      bigint NOT NULL REFERENCES public.domain_events (id) ON DELETE CASCADE,
    user_id       uuid NOT NULL,
    channel       text NOT NULL CHECK (channel IN ('in_app', 'email')),
    reason        text NOT NULL,
    preference_id uuid,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, user_id, channel)
);

COMMENT ON COLUMN public.notification_decisions.preference_id IS
    'the row of user_notification_preferences that decided; it may have been deleted since';
