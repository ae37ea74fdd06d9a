-- Where mail or push came before the jobs: the rights of retention on what they leave, and of the job
-- that makes digests to take pushes.
DO $$
DECLARE
    joining text;
BEGIN
    FOREACH joining IN ARRAY ARRAY[
        'fanout.join_retention_of_mail()', 'fanout.join_retention_of_push()',
        'fanout.join_deliveries_to_jobs()', 'fanout.join_digest_pushes()'
    ]
    LOOP
        IF to_regprocedure(joining) IS NOT NULL THEN
            EXECUTE 'SELECT ' || joining;
        END IF;
    END LOOP;
END
$$;
