-- Whether the database has the family mail, with reports of providers and digests.
SELECT to_regclass('fanout.provider_reports') IS NOT NULL
    AND to_regclass('fanout.digest_pushes') IS NOT NULL AS has_mails
