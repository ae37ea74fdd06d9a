-- Mutes event types by e-mail for one person. In: user, scope, scope_id, event_types, with_digests,
-- audit. Out: how many preferences changed.
SELECT fanout.unsubscribe(
    %(user)s, %(scope)s, %(scope_id)s, %(event_types)s, %(with_digests)s, %(audit)s)
