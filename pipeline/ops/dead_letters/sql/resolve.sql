-- Resolves the open dead letters of one cause, or one letter, by its id or its key. The resolution starts with the login.
UPDATE public.event_dead_letters
SET resolved_at = now(), resolution = session_user || ': ' || %(reason)s::text
WHERE resolved_at IS NULL
AND (
    id = %(letter_id)s OR fingerprint = %(fingerprint)s OR letter_key = %(letter_key)s::text
)
