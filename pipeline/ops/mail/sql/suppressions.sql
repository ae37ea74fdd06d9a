-- The addresses to which nothing is sent, the newest first. In: most. Out: also how many there are.
SELECT address_hash, reason, provider, since, count(*) OVER () AS total
FROM fanout.suppressions
ORDER BY since DESC, address_hash
LIMIT %(most)s
