-- Records the end of an erasure in the row that begin_audited_erasure.sql made.
UPDATE fanout.audit
SET finished_at = now(), result = %(rows)s::text
WHERE id = %(erasure)s
