-- Keeps what a provider said, and suppresses the address or lifts it. In: provider, id, kind,
-- provider_id, at, detail, addresses, effect. Out: whether it is new.
SELECT fanout.record_report(
    %(provider)s, %(id)s, %(kind)s, %(provider_id)s, %(at)s, %(detail)s, %(addresses)s, %(effect)s)
