-- Reactions: dead letters, in the table that all families share.

-- Not data and attributes: they are what a message of another family said.
GRANT SELECT (
        letter_key, event_type, stage, error_class, message, fingerprint, attempt,
        pipeline_version, resolved_at
    ),
    INSERT (
        letter_key, event_type, stage, error_class, message, fingerprint, pipeline_version
    ),
    UPDATE (
        event_type, stage, error_class, message, fingerprint, attempt, pipeline_version,
        last_seen_at, resolved_at, resolution
    )
    ON public.event_dead_letters TO fanout_reactions;

-- As in kernel/0001: the grants say which verbs a role has, the policy that no row is hidden.
CREATE POLICY fanout_reactions ON public.event_dead_letters TO fanout_reactions
    USING (true) WITH CHECK (true);
