-- Close the breaker of a name. A name that a person paused stays paused.
-- In: name. Out: a row if it was open.
DELETE FROM fanout.switches
WHERE name = %(name)s AND state = 'open'
RETURNING name
