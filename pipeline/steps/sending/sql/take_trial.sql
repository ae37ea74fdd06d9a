-- Take the one trial of an open breaker that has cooled off. In: name. Out: a row if it is ours.
UPDATE fanout.switches SET until = now() + make_interval(secs => cool_off_seconds)
WHERE name = %(name)s AND state = 'open' AND until <= now()
RETURNING name
