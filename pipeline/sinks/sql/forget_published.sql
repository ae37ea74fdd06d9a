-- These dead letters are on their topic. In: keys. The rows are locked in the order in which others lock them.
DELETE FROM fanout.unpublished_letters
WHERE letter_key = ANY (ARRAY(
    SELECT letter_key
    FROM fanout.unpublished_letters
    WHERE letter_key = ANY (%(keys)s::text[])
    ORDER BY letter_key
    FOR UPDATE
))
