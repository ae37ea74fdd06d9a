-- Whether the role exists.
SELECT to_regrole(%(role)s) IS NOT NULL AS found
