-- The events, what became of them, and what people asked not to hear about.

CREATE TABLE public.domain_events (
    id          bigserial PRIMARY KEY,
    event_type  text NOT NULL,
    actor_id    uuid REFERENCES auth.users (id) ON DELETE SET NULL,
    project_id  uuid REFERENCES public.projects (id) ON DELETE CASCADE,
    resource_id uuid REFERENCES public.resources (id) ON DELETE CASCADE,
    thread_id   uuid REFERENCES public.chat_threads (id) ON DELETE CASCADE,
    meeting_id  uuid REFERENCES public.meetings (id) ON DELETE CASCADE,
    payload     jsonb,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX domain_events_project_id_created_at_idx
    ON public.domain_events (project_id, created_at DESC) WHERE project_id IS NOT NULL;
CREATE INDEX domain_events_resource_id_created_at_idx
    ON public.domain_events (resource_id, created_at DESC) WHERE resource_id IS NOT NULL;
CREATE INDEX domain_events_created_at_idx ON public.domain_events (created_at DESC);
CREATE INDEX domain_events_meeting_id_created_at_idx
    ON public.domain_events (meeting_id, created_at DESC);

CREATE TABLE public.notification_processing (
    event_id          bigint PRIMARY KEY REFERENCES public.domain_events (id) ON DELETE CASCADE,
    processing_status text NOT NULL DEFAULT 'pending'
                      CHECK (processing_status IN ('pending', 'processing', 'completed', 'failed')),
    processor_id      text DEFAULT 'gcp-notify-fan-out',
    claimed_at        timestamptz,
    completed_at      timestamptz,
    retry_count       int DEFAULT 0,
    error_message     text,
    created_at        timestamptz DEFAULT now()
);

CREATE INDEX notification_processing_status_created_at_idx
    ON public.notification_processing (processing_status, created_at)
    WHERE processing_status IN ('pending', 'failed');
CREATE INDEX notification_processing_event_id_idx ON public.notification_processing (event_id);

CREATE TABLE public.notifications (
    id         bigserial PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES public.profiles (id) ON DELETE CASCADE,
    event_id   bigint NOT NULL REFERENCES public.domain_events (id) ON DELETE CASCADE,
    title      text NOT NULL,
    body       text,
    link_url   text,
    read_at    timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    payload    jsonb DEFAULT '{}'
);

CREATE INDEX notifications_user_id_created_at_idx
    ON public.notifications (user_id, created_at DESC);
CREATE INDEX notifications_resume_nudge_idx
    ON public.notifications (
        user_id, (payload ->> 'resume_type'), (payload ->> 'nudge_tier'), created_at DESC)
    WHERE payload ->> 'type' = 'resume_incomplete_nudge';
ALTER TABLE public.notifications REPLICA IDENTITY FULL;

CREATE TABLE public.pending_emails (
    id            bigserial PRIMARY KEY,
    user_id       uuid NOT NULL REFERENCES public.profiles (id) ON DELETE CASCADE,
    event_id      bigint NOT NULL REFERENCES public.domain_events (id) ON DELETE CASCADE,
    event_type    text NOT NULL,
    delivery_type text NOT NULL CHECK (delivery_type IN ('immediate', 'aggregated')),
    project_id    uuid REFERENCES public.projects (id) ON DELETE CASCADE,
    project_name  text,
    subject       text NOT NULL,
    body_data     jsonb NOT NULL,
    status        text NOT NULL DEFAULT 'pending'
                  CHECK (status IN ('pending', 'processing', 'sent', 'failed')),
    created_at    timestamptz NOT NULL DEFAULT now(),
    processed_at  timestamptz,
    UNIQUE (event_id, user_id)
);

CREATE INDEX pending_emails_status_delivery_type_created_at_idx
    ON public.pending_emails (status, delivery_type, created_at);
CREATE INDEX pending_emails_digest_idx
    ON public.pending_emails (user_id, delivery_type, status)
    WHERE delivery_type = 'aggregated' AND status = 'pending';
CREATE INDEX pending_emails_user_id_created_at_idx
    ON public.pending_emails (user_id, created_at DESC);

CREATE TABLE public.user_notification_preferences (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id    uuid NOT NULL REFERENCES public.profiles (id) ON DELETE CASCADE,
    scope_type text NOT NULL CHECK (scope_type IN ('global', 'project', 'thread')),
    scope_id   uuid,
    event_type text NOT NULL,
    channel    text NOT NULL DEFAULT 'in_app',
    status     text NOT NULL DEFAULT 'immediate',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (user_id, scope_type, scope_id, event_type, channel)
);

CREATE INDEX user_notification_preferences_user_id_idx
    ON public.user_notification_preferences (user_id);
CREATE INDEX user_notification_preferences_scope_idx
    ON public.user_notification_preferences (user_id, scope_type, scope_id);

CREATE TABLE public.unread_thread_stale_log (
    id                bigserial PRIMARY KEY,
    thread_id         uuid NOT NULL REFERENCES public.chat_threads (id) ON DELETE CASCADE,
    user_id           uuid NOT NULL REFERENCES public.profiles (id) ON DELETE CASCADE,
    latest_message_at timestamptz NOT NULL,
    event_id          bigint REFERENCES public.domain_events (id) ON DELETE SET NULL,
    sent_at           timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX unread_thread_stale_log_key
    ON public.unread_thread_stale_log (thread_id, user_id, latest_message_at);
CREATE INDEX unread_thread_stale_log_user_id_sent_at_idx
    ON public.unread_thread_stale_log (user_id, sent_at DESC);
CREATE INDEX unread_thread_stale_log_sent_at_idx ON public.unread_thread_stale_log (sent_at);

CREATE TABLE public.resume_nudge_log (
    id                 bigserial PRIMARY KEY,
    project_id         uuid NOT NULL REFERENCES public.projects (id) ON DELETE CASCADE,
    user_id            uuid NOT NULL REFERENCES public.profiles (id) ON DELETE CASCADE,
    channel            text NOT NULL CHECK (channel IN ('in_app', 'email')),
    stage              text NOT NULL CHECK (stage IN ('t45m', 't24h', 't3d', 't7d')),
    resume_focus       text NOT NULL CHECK (resume_focus IN ('borrower', 'project', 'both')),
    anchor_activity_at timestamptz NOT NULL,
    sent_at            timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_id, user_id, channel, stage, resume_focus, anchor_activity_at)
);

CREATE TABLE public.email_digest_processed (
    event_id    bigint NOT NULL REFERENCES public.domain_events (id) ON DELETE CASCADE,
    user_id     uuid NOT NULL REFERENCES public.profiles (id) ON DELETE CASCADE,
    digest_date date NOT NULL,
    sent_at     timestamptz DEFAULT now(),
    PRIMARY KEY (event_id, user_id, digest_date)
);
