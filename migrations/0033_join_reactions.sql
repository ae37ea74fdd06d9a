-- Where reactions came before the fan-out: its events are captured beside those of the fan-out.
DO $$
BEGIN
    IF to_regprocedure('fanout.join_reactions_to_fanout()') IS NOT NULL THEN
        PERFORM fanout.join_reactions_to_fanout();
    END IF;
END
$$;
