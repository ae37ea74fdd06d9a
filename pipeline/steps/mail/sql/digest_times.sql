-- When digests may go out. In: users. Out: for each of them, the zone that the application names; the
-- hours, the zone of people without one, and the time.
SELECT asked.user_id, (
    SELECT zone FROM fanout.person_zones WHERE user_id = asked.user_id LIMIT 1
), setting.hours, setting.zone, statement_timestamp()
FROM unnest(%(users)s::uuid[]) AS asked (user_id)
CROSS JOIN fanout.digest_hours AS setting
