-- Lifts a suppression, with its audit row. In: addresses, or hash; audit. Out: the hash, and whether
-- there was one.
WITH done AS MATERIALIZED (
    SELECT hash, is_changed FROM fanout.lift_suppression(%(addresses)s, %(hash)s, %(audit)s)
),
audited AS (
    INSERT INTO fanout.audit (id, who, identity, action, target, finished_at, result)
    SELECT %(audit)s, session_user, 'login', 'mail suppressions remove', hash, now(), 'lifted'
    FROM done
    WHERE is_changed
)
SELECT hash, is_changed FROM done
