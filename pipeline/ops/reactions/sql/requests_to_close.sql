-- The community requests that the job would close now. In: most. Out: how many there are, and their
-- ids, at most so many.
WITH to_close AS MATERIALIZED (SELECT id FROM fanout.requests_to_close(now()))
SELECT
    (SELECT count(*) FROM to_close),
    ARRAY(SELECT id FROM to_close ORDER BY id LIMIT %(most)s)
