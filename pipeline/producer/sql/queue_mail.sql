-- Queues a transactional mail. In: what queue_notification takes. Out: the id of the mail.
SELECT fanout.queue_notification(
    p_type => %(type)s::text,
    p_recipient_email => %(email)s::text,
    p_payload => %(payload)s::jsonb,
    p_user_id => %(user_id)s::uuid,
    p_booking_id => %(booking_id)s::uuid,
    p_dedupe_key => %(dedupe_key)s::text,
    p_expires_at => %(expires_at)s::timestamptz,
    p_priority => %(priority)s::text,
    p_deliver_at => %(deliver_at)s::timestamptz
) AS id
