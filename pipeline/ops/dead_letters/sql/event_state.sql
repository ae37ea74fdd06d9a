-- As event.sql, without the payload. Always one row.
SELECT (
           SELECT processing_status FROM public.notification_processing WHERE event_id = %(event_id)s
       ) AS event_state,
       NULL::text AS payload,
       NULL::int AS payload_characters
