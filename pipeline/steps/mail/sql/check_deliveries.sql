-- What of every claimed delivery decides whether it is still sent, whatever it is about. In: ids.
-- Out: for each that is not sent any more, its id and why.
--
-- Where the recipient is an address, the mail is one that nobody can leave: who left others still gets it.
SELECT delivery.id, CASE
    WHEN delivery.expires_at <= now() THEN 'expired'
    WHEN suppressed.found THEN 'suppressed'
    ELSE 'superseded'
END
FROM fanout.deliveries AS delivery
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM fanout.suppressions
        WHERE address_hash = delivery.recipient AND reason <> 'unsubscribed'
        OFFSET 0
    ) AS found
) AS suppressed
WHERE delivery.id = ANY (%(ids)s)
AND (
    delivery.expires_at <= now()
    OR suppressed.found
    OR delivery.collapse_key IS NOT NULL AND EXISTS (
        SELECT FROM fanout.deliveries AS later
        WHERE later.channel = delivery.channel AND later.recipient = delivery.recipient
            AND later.collapse_key = delivery.collapse_key AND later.sequence > delivery.sequence
        OFFSET 0
    )
)
