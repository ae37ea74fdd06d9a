-- Unsubscribing by the link in a mail: one function writes the preferences, and the audit row.

-- Whoever follows the link is recognised by nothing else.
ALTER TABLE fanout.audit DROP CONSTRAINT audit_identity_check;
ALTER TABLE fanout.audit ADD CONSTRAINT audit_identity_check CHECK (
    identity IN ('token', 'iap', 'oidc', 'login', 'link'));
COMMENT ON COLUMN fanout.audit.identity IS
    'how they were recognised; login: they ran a command; link: they have a link from a mail';

-- Mute some event types by e-mail for one person, and return how many preferences changed.
--
-- The answer holds whatever the person chose before: where they asked for these mails in a project or
-- thread, that is muted as well, since it would win over a row for everywhere. with_digests: also
-- what they had moved to the digest themselves. A person without a profile has no preferences.
CREATE FUNCTION fanout.unsubscribe(
    for_user uuid, in_scope text, in_scope_id uuid, event_types text[], with_digests boolean,
    audit_id uuid
) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    changed int;
BEGIN
    IF to_regclass('public.user_notification_preferences') IS NULL THEN
        RETURN 0;
    END IF;
    -- Rows for everywhere have no scope_id, so no unique key keeps two requests from adding two.
    PERFORM pg_advisory_xact_lock(hashtextextended(for_user::text, 4115));
    -- said: what holds for mails in each scope, by the rules of pipeline/fanout/preferences.py.
    WITH said AS MATERIALIZED (
        SELECT scope_type, scope_id, event_type, status
        FROM (
            SELECT DISTINCT ON (scope_type, scope_id, event_type)
                scope_type, scope_id, event_type, status
            FROM public.user_notification_preferences
            WHERE user_id = for_user AND channel IN ('email', '*')
            ORDER BY scope_type, scope_id, event_type,
                channel <> '*' DESC, updated_at DESC NULLS LAST, id DESC
        ) AS decisive
        WHERE status <> 'muted'
    ),
    wanted AS MATERIALIZED (
        SELECT in_scope AS scope_type, in_scope_id AS scope_id, type AS event_type
        FROM unnest(event_types) AS type
        UNION
        SELECT said.scope_type, said.scope_id, type
        FROM said
        JOIN unnest(event_types) AS type ON said.event_type IN (type, '*')
        WHERE in_scope = 'global' AND said.scope_type <> 'global'
        UNION
        SELECT scope_type, scope_id, event_type FROM said WHERE with_digests AND status = 'digest'
    ),
    muted AS (
        UPDATE public.user_notification_preferences AS preference
        SET status = 'muted', updated_at = now()
        FROM wanted
        WHERE preference.user_id = for_user
            AND preference.scope_type = wanted.scope_type
            AND preference.scope_id IS NOT DISTINCT FROM wanted.scope_id
            AND preference.event_type = wanted.event_type
            AND preference.channel = 'email'
            AND preference.status <> 'muted'
        RETURNING true
    ),
    added AS (
        INSERT INTO public.user_notification_preferences (
            user_id, scope_type, scope_id, event_type, channel, status
        )
        SELECT person.id, wanted.scope_type, wanted.scope_id, wanted.event_type, 'email', 'muted'
        FROM wanted
        JOIN public.profiles AS person ON person.id = for_user
        WHERE NOT EXISTS (
            SELECT FROM public.user_notification_preferences AS preference
            WHERE preference.user_id = for_user
                AND preference.scope_type = wanted.scope_type
                AND preference.scope_id IS NOT DISTINCT FROM wanted.scope_id
                AND preference.event_type = wanted.event_type
                AND preference.channel = 'email'
        )
        ON CONFLICT DO NOTHING
        RETURNING true
    )
    SELECT (SELECT count(*) FROM muted) + (SELECT count(*) FROM added) INTO changed;
    -- The hash of the person's id, as in fanout.erasures: the audit outlives the person's erasure.
    IF changed > 0 THEN
        INSERT INTO fanout.audit (id, who, identity, action, target, finished_at, result)
        VALUES (
            audit_id, 'the link in a mail', 'link', 'unsubscribe',
            'person_sha256=' || encode(sha256(convert_to(for_user::text, 'UTF8')), 'hex'),
            now(), 'muted by e-mail: ' || array_to_string(event_types, ', ')
        );
    END IF;
    RETURN changed;
END
$$;

REVOKE ALL ON FUNCTION fanout.unsubscribe(uuid, text, uuid, text[], boolean, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fanout.unsubscribe(uuid, text, uuid, text[], boolean, uuid)
    TO fanout_operator;
