-- A person decides about a mail that is held: nobody knows whether the provider sent it.

-- was_sent: the person found it at the provider, so it is done. Otherwise it is sent again, with the
-- same key. Returns the new state; NULL if the delivery is not held.
CREATE FUNCTION fanout.decide_held(delivery uuid, was_sent boolean) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    decided record;
BEGIN
    UPDATE fanout.deliveries AS record SET
        state = CASE WHEN was_sent THEN 'done' ELSE 'waiting' END,
        finished_at = CASE WHEN was_sent THEN now() END,
        next_attempt_at = now(),
        expires_at = CASE WHEN was_sent THEN record.expires_at END,
        asked_at = NULL,
        unanswered = 0,
        batch_id = NULL,
        reason = 'decided by ' || session_user
    WHERE record.id = delivery AND record.state = 'held'
    RETURNING record.state, record.source, record.source_id INTO decided;
    IF decided.state = 'done' AND decided.source = 'pending_emails'
        AND to_regclass('public.pending_emails') IS NOT NULL
    THEN
        UPDATE public.pending_emails SET status = 'sent', processed_at = now()
        WHERE id = decided.source_id::bigint AND status = 'processing';
    ELSIF decided.state = 'done' AND decided.source = 'digest_rows' THEN
        -- The table comes with 0050, which alone makes such deliveries.
        UPDATE public.pending_emails AS email SET
            status = CASE WHEN told.left_out IS NULL THEN 'sent' ELSE 'failed' END,
            processed_at = now()
        FROM fanout.digest_rows AS told
        WHERE told.delivery_id = delivery AND email.id = told.email_id
            AND email.status = 'processing';
    END IF;
    RETURN decided.state;
END
$$;
REVOKE ALL ON FUNCTION fanout.decide_held(uuid, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fanout.decide_held(uuid, boolean) TO fanout_operator;
