-- Whether the database has deliveries, and what came later: reports of providers, and digests.
SELECT to_regclass('fanout.deliveries') IS NOT NULL
    AND to_regclass('fanout.digest_pushes') IS NOT NULL
    AND to_regclass('fanout.provider_reports') IS NOT NULL
