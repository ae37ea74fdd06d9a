-- Which of these tables there are: a database may not have every family.
SELECT name FROM unnest(%(tables)s::text[]) AS asked (name) WHERE to_regclass(name) IS NOT NULL
