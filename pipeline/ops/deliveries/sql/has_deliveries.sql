-- Whether the database has deliveries: mail and push each bring them.
SELECT to_regclass('fanout.deliveries') IS NOT NULL AS has_deliveries
