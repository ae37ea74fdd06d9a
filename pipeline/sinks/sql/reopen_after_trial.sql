-- Keep a breaker open for longer after its trial has failed. In: name, seconds. Out: a row if it is
-- still open.
UPDATE fanout.switches
SET until = now() + make_interval(secs => %(seconds)s),
    cool_off_seconds = %(seconds)s,
    failures = failures + 1
WHERE name = %(name)s AND state = 'open'
RETURNING name
