-- Where push, mail or activity.notifications came before the fan-out: what they could not do without
-- its tables.
DO $$
DECLARE
    joining text;
BEGIN
    FOREACH joining IN ARRAY ARRAY[
        'fanout.join_push_to_fanout()', 'fanout.join_activity_to_fanout()',
        'fanout.join_disturbance_to_fanout()', 'fanout.join_webhooks_to_fanout()',
        'fanout.join_digest_pushes()'
    ]
    LOOP
        IF to_regprocedure(joining) IS NOT NULL THEN
            EXECUTE 'SELECT ' || joining;
        END IF;
    END LOOP;
END
$$;
