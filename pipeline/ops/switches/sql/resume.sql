-- Resumes a name. In: name. Out: its former state; no row if it was not held back.
DELETE FROM fanout.switches
WHERE name = %(name)s
RETURNING state
