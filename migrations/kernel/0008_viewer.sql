-- What fanout_viewer may read of the kernel's tables: of a dead letter everything but its message.

GRANT SELECT (
    id, letter_key, event_id, event_type, stage, error_class, message, fingerprint, attempt,
    pipeline_version, created_at, last_seen_at, resolved_at, resolution
) ON public.event_dead_letters TO fanout_viewer;
GRANT SELECT ON public.fanout_replays, fanout.graphs, fanout.switches TO fanout_viewer;

-- As in 0009: the grants say which verbs a role has, the policies that no row is hidden from it.
CREATE POLICY fanout_viewer ON public.event_dead_letters TO fanout_viewer
    USING (true) WITH CHECK (true);
CREATE POLICY fanout_viewer ON public.fanout_replays TO fanout_viewer
    USING (true) WITH CHECK (true);
