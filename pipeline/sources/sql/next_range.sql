-- The last id of a range with the given number of rows. Ids can have gaps of any size.
SELECT max(id)
FROM (
    SELECT id
    FROM public.domain_events
    WHERE id > %(after)s
    AND id <= %(last)s
    ORDER BY id
    LIMIT %(rows)s
) AS ranged
