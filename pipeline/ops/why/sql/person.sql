-- What to call someone; no row where there is no such profile. In: their id.
SELECT coalesce(nullif(person.full_name, ''), person.email)
FROM public.profiles AS person
WHERE person.id = %(user)s
