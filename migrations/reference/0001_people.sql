-- People and organisations of the application, with as little of its sign-in as they refer to.

CREATE SCHEMA IF NOT EXISTS auth;

CREATE TABLE IF NOT EXISTS auth.users (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email      text,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.orgs (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    name        text NOT NULL,
    entity_type text NOT NULL CHECK (entity_type IN ('borrower', 'lender', 'advisor'))
);

CREATE TABLE public.profiles (
    id            uuid PRIMARY KEY REFERENCES auth.users (id) ON DELETE CASCADE,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    full_name     text,
    email         text NOT NULL UNIQUE,
    app_role      text NOT NULL CHECK (app_role IN ('borrower', 'lender', 'advisor')),
    active_org_id uuid REFERENCES public.orgs (id) ON DELETE SET NULL
);

CREATE INDEX profiles_app_role_idx ON public.profiles (app_role);
CREATE INDEX profiles_active_org_id_idx ON public.profiles (active_org_id);
CREATE INDEX profiles_email_idx ON public.profiles (email);

CREATE TABLE public.org_members (
    org_id     uuid NOT NULL REFERENCES public.orgs (id) ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
    role       text NOT NULL CHECK (role IN ('owner', 'member')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, user_id)
);

CREATE INDEX org_members_user_id_idx ON public.org_members (user_id);

CREATE TABLE public.invites (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id         uuid NOT NULL REFERENCES public.orgs (id) ON DELETE CASCADE,
    invited_by     uuid NOT NULL REFERENCES auth.users (id),
    invited_email  text NOT NULL,
    role           text NOT NULL CHECK (role IN ('owner', 'member')),
    token          text NOT NULL UNIQUE,
    status         text NOT NULL DEFAULT 'pending'
                   CHECK (status IN ('pending', 'accepted', 'cancelled', 'expired')),
    expires_at     timestamptz NOT NULL DEFAULT now() + interval '7 days',
    accepted_at    timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    project_grants jsonb,
    org_grants     jsonb,
    UNIQUE (org_id, invited_email, status)
);

CREATE FUNCTION public.is_org_owner(p_org_id uuid, p_user_id uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
AS $$
    SELECT EXISTS (
        SELECT FROM public.org_members AS member
        WHERE member.org_id = p_org_id AND member.user_id = p_user_id AND member.role = 'owner'
    )
$$;

-- The author of everything the application's AI writes; a participant of threads, never a recipient.
INSERT INTO auth.users (id, email)
VALUES ('00000000-0000-0000-0000-000000000000', 'ai-underwriter@capmatch.system')
ON CONFLICT (id) DO NOTHING;

INSERT INTO public.profiles (id, full_name, email, app_role)
VALUES (
    '00000000-0000-0000-0000-000000000000',
    'AI Underwriter',
    'ai-underwriter@capmatch.system',
    'advisor'
);
