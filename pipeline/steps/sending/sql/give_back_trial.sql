-- Give back the trial of an open breaker, since nobody was asked. In: name; until, as taking it set it:
-- the trial is another worker's if it differs.
UPDATE fanout.switches SET until = now()
WHERE name = %(name)s AND state = 'open' AND until = %(until)s
