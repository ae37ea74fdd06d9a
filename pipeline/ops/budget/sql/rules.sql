-- What holds for people. In: users; NULL or what holds instead for everyone without a setting of their own:
-- per_hour, per_day, quiet_from and quiet_until in seconds since midnight.
-- Out: person, zone (as the application names it), zone of people without one; seconds since midnight at
-- which quiet hours begin and end; windows; budget for an hour and a day.
SELECT asked.user_id, lives.zone, unknown.zone,
    CASE WHEN own.has_hours THEN extract(epoch FROM own.quiet_from)::int
        ELSE coalesce(%(quiet_from)s::int, extract(epoch FROM usual.quiet_from)::int) END,
    CASE WHEN own.has_hours THEN extract(epoch FROM own.quiet_until)::int
        ELSE coalesce(%(quiet_until)s::int, extract(epoch FROM usual.quiet_until)::int) END,
    windows.found,
    coalesce(own.per_hour, %(per_hour)s::int, usual.per_hour),
    coalesce(own.per_day, %(per_day)s::int, usual.per_day)
FROM unnest(%(users)s::uuid[]) AS asked (user_id)
CROSS JOIN fanout.disturbance AS usual
CROSS JOIN (SELECT zone FROM fanout.digest_hours) AS unknown
CROSS JOIN (
    SELECT coalesce(jsonb_agg(jsonb_build_array(
        days, extract(epoch FROM opens)::int, extract(epoch FROM closes)::int)), '[]') AS found
    FROM fanout.send_windows
) AS windows
LEFT JOIN LATERAL (
    SELECT zone FROM fanout.person_zones WHERE user_id = asked.user_id LIMIT 1
) AS lives ON true
LEFT JOIN LATERAL (
    SELECT quiet_from, quiet_until, per_hour, per_day,
        quiet_from IS NOT NULL AND quiet_until IS NOT NULL AS has_hours
    FROM fanout.person_disturbance
    WHERE user_id = asked.user_id
    LIMIT 1
) AS own ON true
