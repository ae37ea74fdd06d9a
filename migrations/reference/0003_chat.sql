-- Threads, who takes part in them, and what was said.

CREATE TABLE public.chat_threads (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id  uuid NOT NULL REFERENCES public.projects (id) ON DELETE CASCADE,
    topic       text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    resource_id uuid REFERENCES public.resources (id),
    status      varchar DEFAULT 'active',
    stage       varchar DEFAULT NULL
);

CREATE INDEX chat_threads_project_id_idx ON public.chat_threads (project_id);
CREATE INDEX chat_threads_resource_id_idx ON public.chat_threads (resource_id);
CREATE INDEX chat_threads_status_idx ON public.chat_threads (status);

CREATE TABLE public.chat_thread_participants (
    thread_id    uuid NOT NULL REFERENCES public.chat_threads (id) ON DELETE CASCADE,
    user_id      uuid NOT NULL REFERENCES public.profiles (id) ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_read_at timestamptz NOT NULL DEFAULT '1970-01-01 00:00:00+00',
    PRIMARY KEY (thread_id, user_id)
);

CREATE INDEX chat_thread_participants_user_id_idx ON public.chat_thread_participants (user_id);
CREATE INDEX chat_thread_participants_thread_id_idx ON public.chat_thread_participants (thread_id);

CREATE TABLE public.project_messages (
    id         bigserial PRIMARY KEY,
    thread_id  uuid NOT NULL REFERENCES public.chat_threads (id) ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES public.profiles (id) ON DELETE SET NULL,
    content    text,
    created_at timestamptz NOT NULL DEFAULT now(),
    reply_to   bigint REFERENCES public.project_messages (id) ON DELETE SET NULL
);

CREATE INDEX project_messages_thread_id_idx ON public.project_messages (thread_id);
CREATE INDEX project_messages_reply_to_idx ON public.project_messages (reply_to);

CREATE TABLE public.message_attachments (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    message_id  bigint NOT NULL REFERENCES public.project_messages (id) ON DELETE CASCADE,
    resource_id uuid NOT NULL REFERENCES public.resources (id) ON DELETE CASCADE,
    created_at  timestamptz NOT NULL DEFAULT now()
);
