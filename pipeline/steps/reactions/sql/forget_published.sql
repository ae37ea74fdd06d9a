-- These dead letters are on their topic. In: keys.
DELETE FROM fanout.unpublished_letters WHERE letter_key = ANY (%(keys)s::text[])
