-- Make deliveries of mails that the application itself put into pending_emails: only of rows that are
-- newer than the switch, and young enough. The fan-out makes the others. In: most.
INSERT INTO fanout.deliveries (
    id, cause, channel, recipient, kind, user_id, source, source_id, expires_at
)
SELECT fanout.delivery_id('domain_events:' || email.event_id, 'email', email.user_id::text),
    'domain_events:' || email.event_id, 'email', email.user_id::text, email.event_type, email.user_id,
    'pending_emails', email.id::text, email.created_at + channel.max_age
FROM fanout.channels AS channel
CROSS JOIN LATERAL (
    SELECT * FROM public.pending_emails
    WHERE status = 'pending' AND delivery_type = 'immediate'
        AND created_at >= greatest(channel.since, now() - channel.max_age)
        AND NOT EXISTS (
            SELECT FROM fanout.deliveries AS delivery
            WHERE delivery.id = fanout.delivery_id(
                'domain_events:' || pending_emails.event_id, 'email', pending_emails.user_id::text)
            OFFSET 0
        )
    ORDER BY created_at
    LIMIT %(most)s
) AS email
WHERE channel.channel = 'email'
ORDER BY 1
ON CONFLICT (id) DO NOTHING
