-- As forget_deliveries.sql, in a database with push and without mail.
SELECT page.named,
       page.last_sequence::text
FROM fanout.forget_pushes(
    %(user)s, coalesce(%(after)s::text::bigint, 0), %(most)s::int, %(dry_run)s::boolean
) AS page
