-- Records how an action ended. In: id, target, status, result.
UPDATE fanout.audit
SET finished_at = now(), target = %(target)s, status = %(status)s, result = %(result)s
WHERE id = %(id)s AND finished_at IS NULL
