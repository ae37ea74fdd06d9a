-- Close the open dead letters of one cause, or one of them; the words begin with who says so.
UPDATE public.event_dead_letters
SET resolved_at = now(), resolution = session_user || ': ' || %(reason)s::text
WHERE resolved_at IS NULL
AND (id = %(letter_id)s OR fingerprint = %(fingerprint)s)
