-- Takes a key for a request. One that is old, or whose holder was not heard of in time, is taken over. So is
-- none that another request used. In: caller, route, key, request, token, hours, seconds.
-- Out: a row if it was taken.
INSERT INTO fanout.idempotency_keys AS known (caller, route, key, request, held_until, token)
VALUES (
    %(caller)s, %(route)s, %(key)s, %(request)s,
    clock_timestamp() + make_interval(secs => %(seconds)s), %(token)s
)
ON CONFLICT (caller, route, key) DO UPDATE SET
    request = excluded.request,
    taken_at = now(),
    held_until = excluded.held_until,
    token = excluded.token,
    status = NULL,
    body = NULL
WHERE known.taken_at < now() - make_interval(hours => %(hours)s)
    OR known.status IS NULL AND known.held_until < now() AND known.request = excluded.request
    -- The same taking, sent again after the answer to it was lost.
    OR known.token = excluded.token
RETURNING token
