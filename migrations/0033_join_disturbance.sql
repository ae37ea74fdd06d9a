-- Where push came before the fan-out: what decides whether a phone rings, and could not be read then.
DO $$
BEGIN
    IF to_regprocedure('fanout.join_disturbance_to_fanout()') IS NOT NULL THEN
        PERFORM fanout.join_disturbance_to_fanout();
    END IF;
END
$$;
