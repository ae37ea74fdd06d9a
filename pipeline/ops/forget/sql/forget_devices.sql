-- Deletes the devices of a person, all at once: nobody has many. In and out as forget_decisions.sql says.
SELECT fanout.forget_devices(%(user)s, %(dry_run)s::boolean), NULL::text
