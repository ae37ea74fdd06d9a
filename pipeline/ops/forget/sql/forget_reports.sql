-- Deletes what providers said of the deliveries to a person: one page of deliveries, in their order. In
-- and out as forget_decisions.sql says; the cursor is the sequence of a delivery.
WITH page AS MATERIALIZED (
    SELECT sequence, user_id, provider, provider_id
    FROM fanout.deliveries
    WHERE sequence > coalesce(%(after)s::text::bigint, 0)
    ORDER BY sequence
    LIMIT %(most)s::int
),
about AS MATERIALIZED (
    SELECT report.provider, report.report_id
    FROM page
    JOIN fanout.provider_reports AS report
        ON report.provider = page.provider AND report.provider_id = page.provider_id
    WHERE page.user_id = %(user)s
),
deleted AS (
    DELETE FROM fanout.provider_reports AS report
    USING about
    WHERE NOT %(dry_run)s::boolean
    AND report.provider = about.provider
    AND report.report_id = about.report_id
    RETURNING true
)
SELECT CASE WHEN %(dry_run)s::boolean
           THEN (SELECT count(*) FROM about)
           ELSE (SELECT count(*) FROM deleted)
       END,
       CASE WHEN (SELECT count(*) FROM page) = %(most)s::int
           THEN (SELECT max(sequence)::text FROM page)
       END
