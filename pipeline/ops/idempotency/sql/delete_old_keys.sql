-- Deletes some keys that are too old to be used. In: hours, most.
DELETE FROM fanout.idempotency_keys
WHERE ctid = ANY (ARRAY(
    SELECT ctid
    FROM fanout.idempotency_keys
    WHERE taken_at < now() - make_interval(hours => %(hours)s)
    ORDER BY taken_at
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
))
