-- Where a range of so many rows ends: by the key, since ids may have gaps of any size.
SELECT max(id)
FROM (
    SELECT id
    FROM public.domain_events
    WHERE id > %(after)s
    AND id <= %(last)s
    ORDER BY id
    LIMIT %(rows)s
) AS ranged
