-- Projects, who may see them, and the documents and resumes within them.

CREATE TABLE public.projects (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    name                text NOT NULL,
    owner_org_id        uuid NOT NULL REFERENCES public.orgs (id) ON DELETE CASCADE,
    assigned_advisor_id uuid REFERENCES public.profiles (id) ON DELETE SET NULL,
    deal_type           text NOT NULL DEFAULT 'ground_up'
                        CHECK (deal_type IN ('ground_up', 'refinance'))
);

CREATE INDEX projects_owner_org_id_idx ON public.projects (owner_org_id);
CREATE INDEX projects_assigned_advisor_id_idx ON public.projects (assigned_advisor_id);
CREATE INDEX projects_deal_type_idx ON public.projects (deal_type);

CREATE TABLE public.project_access_grants (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES public.projects (id) ON DELETE CASCADE,
    org_id     uuid NOT NULL REFERENCES public.orgs (id) ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES public.profiles (id) ON DELETE CASCADE,
    granted_by uuid NOT NULL REFERENCES public.profiles (id) ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_id, user_id)
);

CREATE INDEX project_access_grants_project_id_idx ON public.project_access_grants (project_id);
CREATE INDEX project_access_grants_user_id_idx ON public.project_access_grants (user_id);
CREATE INDEX project_access_grants_org_id_idx ON public.project_access_grants (org_id);

CREATE TABLE public.lender_project_access (
    lender_org_id uuid NOT NULL REFERENCES public.orgs (id) ON DELETE CASCADE,
    project_id    uuid NOT NULL REFERENCES public.projects (id) ON DELETE CASCADE,
    UNIQUE (lender_org_id, project_id)
);

-- current_version_id has no foreign key: it may name a document version or a resume.
CREATE TABLE public.resources (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id             uuid NOT NULL REFERENCES public.orgs (id) ON DELETE CASCADE,
    project_id         uuid REFERENCES public.projects (id) ON DELETE CASCADE,
    parent_id          uuid REFERENCES public.resources (id) ON DELETE CASCADE,
    resource_type      text NOT NULL CHECK (resource_type IN (
                           'FILE', 'FOLDER', 'BORROWER_RESUME', 'BORROWER_DOCS_ROOT',
                           'PROJECT_RESUME', 'PROJECT_DOCS_ROOT', 'OM',
                           'UNDERWRITING_DOCS_ROOT', 'UNDERWRITING_TEMPLATES_ROOT')),
    name               text NOT NULL,
    current_version_id uuid,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (parent_id, name),
    CHECK (
        project_id IS NOT NULL
        OR resource_type NOT IN (
            'BORROWER_RESUME', 'BORROWER_DOCS_ROOT', 'PROJECT_RESUME', 'PROJECT_DOCS_ROOT')
    )
);

CREATE UNIQUE INDEX resources_borrower_resume_key
    ON public.resources (project_id) WHERE resource_type = 'BORROWER_RESUME';
CREATE UNIQUE INDEX resources_borrower_docs_root_key
    ON public.resources (project_id) WHERE resource_type = 'BORROWER_DOCS_ROOT';
CREATE INDEX resources_org_id_idx ON public.resources (org_id);
CREATE INDEX resources_parent_id_idx ON public.resources (parent_id);
CREATE INDEX resources_project_id_idx ON public.resources (project_id);
CREATE INDEX resources_current_version_id_idx ON public.resources (current_version_id);

CREATE TABLE public.permissions (
    resource_id uuid NOT NULL REFERENCES public.resources (id) ON DELETE CASCADE,
    user_id     uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
    permission  text NOT NULL CHECK (permission IN ('view', 'edit', 'none')),
    granted_by  uuid NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (resource_id, user_id)
);

CREATE INDEX permissions_resource_id_user_id_idx ON public.permissions (resource_id, user_id);
CREATE INDEX permissions_user_id_idx ON public.permissions (user_id);

CREATE TABLE public.document_versions (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    resource_id    uuid NOT NULL REFERENCES public.resources (id) ON DELETE CASCADE,
    version_number int NOT NULL,
    storage_path   text NOT NULL,
    created_by     uuid,
    created_at     timestamptz NOT NULL DEFAULT now(),
    changes_url    text,
    metadata       jsonb,
    status         text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'superseded')),
    UNIQUE (resource_id, version_number)
);

CREATE TABLE public.project_resumes (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id           uuid NOT NULL REFERENCES public.projects (id) ON DELETE CASCADE,
    content              jsonb,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    version_number       int NOT NULL,
    created_by           uuid REFERENCES auth.users (id) ON DELETE SET NULL,
    completeness_percent int NOT NULL DEFAULT 0,
    locked_fields        jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX project_resumes_project_id_created_at_idx
    ON public.project_resumes (project_id, created_at DESC);

CREATE TABLE public.borrower_resumes (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id           uuid NOT NULL REFERENCES public.projects (id) ON DELETE CASCADE,
    content              jsonb NOT NULL DEFAULT '{}',
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    version_number       int NOT NULL,
    created_by           uuid REFERENCES auth.users (id) ON DELETE SET NULL,
    completeness_percent int NOT NULL DEFAULT 0,
    locked_fields        jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX borrower_resumes_project_id_created_at_idx
    ON public.borrower_resumes (project_id, created_at DESC);

CREATE TABLE public.project_workspace_activity (
    id                           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id                      uuid NOT NULL REFERENCES public.profiles (id) ON DELETE CASCADE,
    project_id                   uuid NOT NULL REFERENCES public.projects (id) ON DELETE CASCADE,
    last_visited_at              timestamptz,
    last_step_id                 text,
    last_project_resume_edit_at  timestamptz,
    last_borrower_resume_edit_at timestamptz,
    created_at                   timestamptz NOT NULL DEFAULT now(),
    updated_at                   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (user_id, project_id)
);

-- Owners of the resource's organisation may edit; anyone else has what the nearest resource on the
-- way up to the root says, where 'none' takes away what lies above.
CREATE FUNCTION public.get_effective_permission(p_user_id uuid, p_resource_id uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
AS $$
    WITH RECURSIVE path (id, parent_id, depth) AS (
        SELECT resource.id, resource.parent_id, 0
        FROM public.resources AS resource
        WHERE resource.id = p_resource_id
        UNION ALL
        SELECT parent.id, parent.parent_id, path.depth + 1
        FROM path
        JOIN public.resources AS parent ON parent.id = path.parent_id
    ) CYCLE id SET is_cycle USING visited
    SELECT CASE
        WHEN public.is_org_owner(resource.org_id, p_user_id) THEN 'edit'
        ELSE (
            SELECT nullif(permission.permission, 'none')
            FROM path
            JOIN public.permissions AS permission
                ON permission.resource_id = path.id AND permission.user_id = p_user_id
            ORDER BY path.depth
            LIMIT 1
        )
    END
    FROM public.resources AS resource
    WHERE resource.id = p_resource_id
$$;

CREATE FUNCTION public.can_view(p_user_id uuid, p_resource_id uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
AS $$
    SELECT public.get_effective_permission(p_user_id, p_resource_id) IS NOT NULL
$$;
