-- The profiles of a batch: actors and candidates. In: [id].
SELECT profile.id, profile.full_name, profile.email
FROM jsonb_array_elements_text(%(asked)s) AS asked (id)
JOIN public.profiles AS profile ON profile.id = asked.id::uuid
