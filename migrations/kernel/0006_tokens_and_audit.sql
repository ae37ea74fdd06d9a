-- For the HTTP service: the role of who only reads, the tokens of its callers, and what callers changed.

-- As in kernel/0001: roles belong to the cluster.
DO $$
BEGIN
    IF to_regrole('fanout_viewer') IS NULL THEN
        CREATE ROLE fanout_viewer NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION '% may not create the role fanout_viewer', current_user
        USING HINT =
            'have an administrator run CREATE ROLE fanout_viewer NOLOGIN; then run migrate again';
END
$$;

GRANT USAGE ON SCHEMA public, fanout TO fanout_viewer;
GRANT SELECT ON public.fanout_migrations TO fanout_viewer;
-- As in 0009: the grant says which verb the role has, the policy that no row is hidden from it.
CREATE POLICY fanout_viewer ON public.fanout_migrations TO fanout_viewer
    USING (true) WITH CHECK (true);

-- A name is never given twice, so that a name in the audit stays the name of one token.
CREATE TABLE fanout.api_tokens (
    id           uuid PRIMARY KEY,
    name         text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    sha256       bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    scopes       text[] NOT NULL CHECK (scopes <@ ARRAY['read', 'operate'] AND scopes <> '{}'),
    created_at   timestamptz NOT NULL DEFAULT now(),
    created_by   text NOT NULL DEFAULT session_user,
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz
);

COMMENT ON COLUMN fanout.api_tokens.sha256 IS
    'of the token, which is shown once and stored nowhere';
COMMENT ON COLUMN fanout.api_tokens.last_used_at IS
    'to five minutes';

GRANT SELECT (id, name, scopes, created_at, created_by, expires_at, last_used_at, revoked_at),
    INSERT (id, name, sha256, scopes, expires_at), UPDATE (revoked_at)
    ON fanout.api_tokens TO fanout_operator;

-- The one way to look a token up: by its hash, one at a time. No row: unknown, expired or revoked.
CREATE FUNCTION fanout.use_token(given bytea)
RETURNS TABLE (token_name text, token_scopes text[])
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
BEGIN
    -- While the server is read-only, tokens stay usable.
    IF current_setting('transaction_read_only') = 'off' THEN
        -- Whoever holds the row up does not hold the caller up.
        UPDATE fanout.api_tokens AS token
        SET last_used_at = now()
        WHERE token.id IN (
            SELECT id
            FROM fanout.api_tokens
            WHERE sha256 = given
                AND revoked_at IS NULL
                AND (expires_at IS NULL OR expires_at > now())
                AND (last_used_at IS NULL OR last_used_at < now() - interval '5 minutes')
            FOR NO KEY UPDATE SKIP LOCKED
        );
    END IF;
    RETURN QUERY
        SELECT name, scopes
        FROM fanout.api_tokens
        WHERE sha256 = given
            AND revoked_at IS NULL
            AND (expires_at IS NULL OR expires_at > now());
END
$$;

REVOKE ALL ON FUNCTION fanout.use_token(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fanout.use_token(bytea) TO fanout_viewer, fanout_operator;

-- One row for each action that changes something, written before it, so that none is without.
CREATE TABLE fanout.audit (
    id          uuid PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    who         text NOT NULL,
    identity    text NOT NULL CHECK (identity IN ('token', 'iap', 'oidc', 'login')),
    login       text NOT NULL DEFAULT session_user,
    action      text NOT NULL,
    target      text,
    finished_at timestamptz,
    status      int,
    result      text
);

CREATE INDEX audit_at_idx ON fanout.audit (at);

COMMENT ON COLUMN fanout.audit.who IS
    'the name of a token, the address of a person, or the login of a command';
COMMENT ON COLUMN fanout.audit.identity IS
    'how they were recognised; login: they ran a command';
COMMENT ON COLUMN fanout.audit.login IS
    'the database login with which the row was written';
COMMENT ON COLUMN fanout.audit.finished_at IS
    'NULL while it runs, or if the process was killed: it may have been done';
COMMENT ON COLUMN fanout.audit.status IS
    'the status of the HTTP answer; NULL for a command';

GRANT SELECT, INSERT (id, who, identity, action, target, finished_at, result),
    UPDATE (target, finished_at, status, result)
    ON fanout.audit TO fanout_operator;

-- A row is finished once, and then never changes again.
ALTER TABLE fanout.audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON fanout.audit FOR SELECT TO fanout_operator USING (true);
CREATE POLICY begins ON fanout.audit FOR INSERT TO fanout_operator WITH CHECK (true);
CREATE POLICY finishes_once ON fanout.audit FOR UPDATE TO fanout_operator
    USING (finished_at IS NULL) WITH CHECK (finished_at IS NOT NULL);
