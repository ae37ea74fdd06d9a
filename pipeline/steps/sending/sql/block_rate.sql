-- A provider wants no request before a time. In: name, until.
UPDATE fanout.rate_limits SET blocked_until = %(until)s
WHERE name = %(name)s AND blocked_until IS DISTINCT FROM %(until)s
    AND coalesce(blocked_until, '-infinity') < %(until)s
