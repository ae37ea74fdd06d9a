-- Whether the database has webhooks.
SELECT to_regclass('fanout.webhook_endpoints') IS NOT NULL
