-- What a run of the digests needs to know. No row: mail is not switched on.
-- Out: since when mail is on, the maximum age of a mail, the hours and the zone of digests, whether the
-- application names zones of people, and the time.
SELECT channel.since, channel.max_age, setting.hours, setting.zone,
       EXISTS (SELECT FROM fanout.person_zones), statement_timestamp()
FROM fanout.channels AS channel
CROSS JOIN fanout.digest_hours AS setting
WHERE channel.channel = 'email'
