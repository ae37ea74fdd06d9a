-- Deletes what keeps a person from being sent the same twice: all of one table, since a person has few.
-- In: user, dry_run. Out as forget_decisions.sql says.
WITH about AS MATERIALIZED (
    SELECT ctid AS place FROM fanout.thread_nudges WHERE user_id = %(user)s LIMIT %(most)s::int
),
deleted AS (
    DELETE FROM fanout.thread_nudges AS told
    WHERE NOT %(dry_run)s::boolean
    AND told.ctid = ANY (ARRAY(SELECT place FROM about))
    AND told.user_id = %(user)s
    RETURNING true
)
SELECT CASE WHEN %(dry_run)s::boolean
           THEN (SELECT count(*) FROM fanout.thread_nudges WHERE user_id = %(user)s)
           ELSE (SELECT count(*) FROM deleted)
       END,
       CASE WHEN NOT %(dry_run)s::boolean AND (SELECT count(*) FROM deleted) = %(most)s::int
           THEN 'more'
       END
