-- Whether open dead letters of a cause are of reactions, and whether any is of another family.
-- In: fingerprint.
SELECT
    coalesce(bool_or(letter_key LIKE 'events:%%'), false) AS of_reactions,
    coalesce(bool_or(letter_key NOT LIKE 'events:%%'), false) AS of_others
FROM public.event_dead_letters
WHERE fingerprint = %(fingerprint)s AND resolved_at IS NULL
