-- The tables of a list that this database does not have. In: tables. Out: their names.
SELECT name FROM unnest(%(tables)s::text[]) AS name WHERE to_regclass(name) IS NULL
