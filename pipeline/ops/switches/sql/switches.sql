-- The switches that hold something back.
SELECT name, state, who, since, reason, until FROM fanout.switches ORDER BY name
