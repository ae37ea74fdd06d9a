-- Open a breaker again after a failed trial. If several trials fail, only the first does it.
-- In: name, seconds. Out: a row if it was opened.
UPDATE fanout.switches
SET until = now() + make_interval(secs => %(seconds)s),
    cool_off_seconds = %(seconds)s,
    failures = failures + 1
WHERE name = %(name)s AND state = 'open' AND until <= now()
RETURNING name
