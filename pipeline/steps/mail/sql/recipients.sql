-- To whom digests go. In: users. Out: person, address, name, and whether nothing is sent to the address.
SELECT id, email, full_name, EXISTS (
    SELECT FROM fanout.suppressions WHERE address_hash = fanout.address_hash(email) OFFSET 0
)
FROM public.profiles AS person
WHERE id = ANY (%(users)s)
