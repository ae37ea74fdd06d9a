-- Let a name go on, whatever held it back. In: name. Out: how it stood; no row if nothing did.
DELETE FROM fanout.switches
WHERE name = %(name)s
RETURNING state
