-- Whether the database has the family push.
SELECT to_regclass('fanout.device_tokens') IS NOT NULL AS has_pushes
