-- Whether the database has the family mail.
SELECT to_regclass('fanout.deliveries') IS NOT NULL AS has_mails
