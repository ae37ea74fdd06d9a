-- Whether the database has deliveries.
SELECT to_regclass('fanout.deliveries') IS NOT NULL
