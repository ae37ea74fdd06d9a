-- Whether the database has deliveries, and what providers reported of them, which came later.
SELECT to_regclass('fanout.deliveries') IS NOT NULL
    AND to_regclass('fanout.provider_reports') IS NOT NULL
