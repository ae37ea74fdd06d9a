-- Where push came before the fan-out: what push could not do without the fan-out's tables.
DO $$
BEGIN
    IF to_regprocedure('fanout.join_push_to_fanout()') IS NOT NULL THEN
        PERFORM fanout.join_push_to_fanout();
    END IF;
    IF to_regprocedure('fanout.join_activity_to_fanout()') IS NOT NULL THEN
        PERFORM fanout.join_activity_to_fanout();
    END IF;
END
$$;
