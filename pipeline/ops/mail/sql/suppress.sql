-- Suppresses an address by hand, with its audit row. In: addresses, audit. Out: its hash, and whether
-- anything changed.
WITH done AS MATERIALIZED (
    SELECT hash, is_changed FROM fanout.suppress(%(addresses)s)
),
audited AS (
    INSERT INTO fanout.audit (id, who, identity, action, target, finished_at, result)
    SELECT %(audit)s, session_user, 'login', 'mail suppressions add', hash, now(), 'suppressed'
    FROM done
    WHERE is_changed
)
SELECT hash, is_changed FROM done
