-- What decides whether the phones of people may ring. In: users; now.
-- Out: person, zone (as the application names it), zone of people without one; seconds since midnight at
-- which quiet hours begin and end; windows; whether the person is active; budget for an hour and a day;
-- pushes of the last hour and day.
SELECT asked.user_id, lives.zone, unknown.zone,
    extract(epoch FROM CASE WHEN own.has_hours THEN own.quiet_from ELSE usual.quiet_from END)::int,
    extract(epoch FROM CASE WHEN own.has_hours THEN own.quiet_until ELSE usual.quiet_until END)::int,
    windows.found,
    coalesce(activity.is_active, false),
    coalesce(own.per_hour, usual.per_hour),
    coalesce(own.per_day, usual.per_day),
    pushed.last_hour, pushed.last_day
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
LEFT JOIN LATERAL (
    SELECT max(active_at) > %(now)s::timestamptz - usual.active_for AS is_active
    FROM fanout.person_activity
    WHERE user_id = asked.user_id
) AS activity ON true
CROSS JOIN LATERAL (
    -- However many devices it went to. What ended before it was sent disturbed nobody.
    SELECT count(DISTINCT cause) FILTER (
            WHERE created_at > %(now)s::timestamptz - interval '1 hour'
        ) AS last_hour,
        count(DISTINCT cause) AS last_day
    FROM fanout.deliveries
    WHERE channel = 'fcm'
        AND user_id = asked.user_id
        AND created_at > %(now)s::timestamptz - interval '24 hours'
        AND priority > 0
        AND state NOT IN ('cancelled', 'expired')
        AND error_class IS DISTINCT FROM 'Refused'
) AS pushed
