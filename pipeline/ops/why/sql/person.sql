-- A person's name or e-mail address; no row if they have no profile. In: their id.
SELECT coalesce(nullif(person.full_name, ''), person.email)
FROM public.profiles AS person
WHERE person.id = %(user)s
