-- Meetings, who takes part in them, and the calendars they are kept in.

CREATE TABLE public.meetings (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    title              text NOT NULL,
    description        text,
    start_time         timestamptz NOT NULL,
    end_time           timestamptz NOT NULL,
    duration_minutes   int NOT NULL,
    location           text,
    meeting_link       text,
    organizer_id       uuid NOT NULL REFERENCES public.profiles (id) ON DELETE CASCADE,
    project_id         uuid REFERENCES public.projects (id) ON DELETE CASCADE,
    status             text NOT NULL DEFAULT 'scheduled'
                       CHECK (status IN ('scheduled', 'cancelled', 'completed')),
    calendar_event_ids jsonb DEFAULT '[]',
    recording_url      text,
    transcript_text    text,
    summary            text,
    created_at         timestamptz DEFAULT now(),
    updated_at         timestamptz DEFAULT now(),
    cancelled_at       timestamptz,
    room_name          text
);

CREATE INDEX meetings_organizer_id_idx ON public.meetings (organizer_id);
CREATE INDEX meetings_project_id_idx ON public.meetings (project_id);
CREATE INDEX meetings_start_time_idx ON public.meetings (start_time);
CREATE INDEX meetings_status_idx ON public.meetings (status);
CREATE INDEX meetings_room_name_idx ON public.meetings (room_name);

CREATE TABLE public.meeting_participants (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    meeting_id        uuid NOT NULL REFERENCES public.meetings (id) ON DELETE CASCADE,
    user_id           uuid NOT NULL REFERENCES public.profiles (id) ON DELETE CASCADE,
    response_status   text DEFAULT 'pending'
                      CHECK (response_status IN ('pending', 'accepted', 'declined', 'tentative')),
    is_organizer      boolean DEFAULT false,
    calendar_event_id text,
    invited_at        timestamptz DEFAULT now(),
    responded_at      timestamptz,
    UNIQUE (meeting_id, user_id)
);

CREATE TABLE public.meeting_reminders_sent (
    id            bigserial PRIMARY KEY,
    meeting_id    uuid NOT NULL REFERENCES public.meetings (id) ON DELETE CASCADE,
    user_id       uuid NOT NULL REFERENCES public.profiles (id) ON DELETE CASCADE,
    reminder_type text NOT NULL CHECK (reminder_type IN ('30min', '15min', '5min')),
    sent_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (meeting_id, user_id, reminder_type)
);

CREATE INDEX meeting_reminders_sent_meeting_id_idx ON public.meeting_reminders_sent (meeting_id);
CREATE INDEX meeting_reminders_sent_sent_at_idx ON public.meeting_reminders_sent (sent_at);

CREATE TABLE public.calendar_connections (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id             uuid NOT NULL REFERENCES public.profiles (id) ON DELETE CASCADE,
    provider            text NOT NULL CHECK (provider IN ('google', 'microsoft', 'apple')),
    provider_account_id text NOT NULL,
    provider_email      text,
    access_token        text,
    refresh_token       text,
    token_expires_at    timestamptz,
    calendar_list       jsonb DEFAULT '[]',
    sync_enabled        boolean DEFAULT true,
    last_synced_at      timestamptz,
    created_at          timestamptz DEFAULT now(),
    updated_at          timestamptz DEFAULT now(),
    watch_channel_id    text,
    watch_resource_id   text,
    watch_expiration    timestamptz,
    UNIQUE (user_id, provider, provider_account_id)
);

CREATE INDEX calendar_connections_watch_channel_id_idx
    ON public.calendar_connections (watch_channel_id) WHERE watch_channel_id IS NOT NULL;
