-- Whether there is such a role.
SELECT to_regrole(%(role)s) IS NOT NULL AS found
