-- Open dead letters by the class of their error, and how many causes they have.
SELECT error_class, sum(letters)::bigint AS letters, count(*) AS causes
FROM public.fanout_failures
GROUP BY error_class
