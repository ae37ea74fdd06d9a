-- Takes back the rights that no statement needs; docs/rights.md has those that are left.

-- An event says itself what its meeting is, and org_members who owns an organisation. By look-up,
-- since an application without these two tables loses nothing by it.
DO $$
DECLARE
    unread regclass;
BEGIN
    FOREACH unread IN ARRAY ARRAY[to_regclass('public.meetings'), to_regclass('public.orgs')]
    LOOP
        CONTINUE WHEN unread IS NULL;
        EXECUTE format('REVOKE SELECT ON %s FROM fanout_writer, fanout_operator', unread);
        EXECUTE format('DROP POLICY IF EXISTS fanout_writer ON %s', unread);
        EXECUTE format('DROP POLICY IF EXISTS fanout_operator ON %s', unread);
    END LOOP;
END
$$;

-- A replay needs no reopening: the ledger lets through whatever is not completed. To reopen what is
-- completed would count its messages again, and to complete an event by hand would lose it.
REVOKE UPDATE (processing_status, reason, error_message, retry_count)
    ON public.notification_processing FROM fanout_operator;

-- Which event a row is about, and since when, stays as it was inserted.
REVOKE UPDATE ON public.notification_processing, public.event_dead_letters FROM fanout_writer;
GRANT UPDATE (
    processing_status, processor_id, completed_at, retry_count, error_message, event_type, reason,
    notifications, emails, skipped, event_created_at, pipeline_version
) ON public.notification_processing TO fanout_writer;
GRANT UPDATE (
    event_type, stage, error_class, message, fingerprint, attempt, data, attributes,
    pipeline_version, last_seen_at, resolved_at, resolution
) ON public.event_dead_letters TO fanout_writer;
