-- Where mail came before the fan-out: what mail could not do without the fan-out's tables.
DO $$
BEGIN
    IF to_regprocedure('fanout.join_mail_to_fanout()') IS NOT NULL THEN
        PERFORM fanout.join_mail_to_fanout();
    END IF;
END
$$;
