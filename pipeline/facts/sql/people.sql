-- The profiles of a batch: actors and candidates. In: [id].
SELECT profile.id, profile.full_name, profile.email
FROM jsonb_array_elements_text(%(asked)s) AS asked (id)
CROSS JOIN LATERAL (
    SELECT id, full_name, email FROM public.profiles WHERE id = asked.id::uuid OFFSET 0
) AS profile
