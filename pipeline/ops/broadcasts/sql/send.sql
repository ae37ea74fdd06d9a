-- Write a broadcast and its deliveries, or only say which there would be. Out: each way out.
SELECT channel, recipient, is_new
FROM fanout.send_broadcast(
    %(id)s, %(audience)s, %(title)s, %(body)s, %(link)s, %(priority)s::smallint, %(dry_run)s
)
