-- Where push came before the fan-out: what webhooks could not do without the fan-out's tables.
DO $$
BEGIN
    IF to_regprocedure('fanout.join_webhooks_to_fanout()') IS NOT NULL THEN
        PERFORM fanout.join_webhooks_to_fanout();
    END IF;
END
$$;
