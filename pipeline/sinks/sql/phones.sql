-- How many devices people have. In: users. Out: person, devices.
SELECT user_id, count(*)::int FROM fanout.device_tokens WHERE user_id = ANY (%(users)s) GROUP BY user_id
