-- Records the end of an erasure, with the number of rows by table.
UPDATE fanout.erasures
SET finished_at = now(), rows_changed = %(rows)s::jsonb
WHERE id = %(erasure)s
