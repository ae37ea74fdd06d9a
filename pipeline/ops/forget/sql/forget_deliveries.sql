-- Takes a person's id from the deliveries to them, cancels those that wait, and deletes what was to be
-- said: one page, by sequence. In and out as forget_decisions.sql says. The function may do this and
-- nothing else: see migrations/mail/0061_forget_recipient.sql.
SELECT page.named,
       page.last_sequence::text
FROM fanout.forget_recipient(
    %(user)s, coalesce(%(after)s::text::bigint, 0), %(most)s::int, %(dry_run)s::boolean
) AS page
