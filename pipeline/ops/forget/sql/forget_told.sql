-- Empties told in the ledger rows of final events that name a person: one page, by event. In and out as
-- forget_decisions.sql says. The function may do this and nothing else: see migrations/0026_erasures.sql.
SELECT page.named,
       page.last_event_id::text
FROM fanout.forget_told(
    %(user)s, coalesce(%(after)s::text::bigint, -9223372036854775808), %(most)s::int,
    %(dry_run)s::boolean
) AS page
