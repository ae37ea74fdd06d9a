-- The time of a round of a job: none where its table is missing, or while it is paused.
-- In: job; needs, a table. Out: one row.
SELECT CASE
    WHEN to_regclass(%(needs)s) IS NOT NULL
        AND NOT EXISTS (SELECT FROM fanout.switches WHERE name = %(job)s)
    THEN now()
END
