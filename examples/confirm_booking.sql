-- Confirms a booking, and queues the mail that says so.
--
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v booking=UUID -f examples/confirm_booking.sql
--
-- The dedupe key names the booking: run it again, and nobody gets a second mail.

BEGIN;

WITH confirmed AS (
    UPDATE public.bookings SET confirmed_at = coalesce(confirmed_at, now())
    WHERE id = :'booking'
    RETURNING id, number, guest_email, guest_id, check_in, check_out
)
SELECT fanout.queue_notification(
    p_type => 'booking_confirmation',
    p_recipient_email => guest_email,
    p_payload => jsonb_build_object(
        'external_booking_id', number, 'check_in', check_in, 'check_out', check_out),
    p_user_id => guest_id,
    p_booking_id => id,
    p_dedupe_key => 'confirmed:' || id
) AS mail
FROM confirmed;

COMMIT;
