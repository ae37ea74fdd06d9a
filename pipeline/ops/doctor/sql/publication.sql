-- What a publication publishes: the kinds of changes, its tables, the columns of domain_events, the
-- tables of other families of which it publishes more or less than id and time, and the tables with a
-- row filter. Each partition counts as a table, unless the publication publishes partitions under the
-- name of their table.
WITH published AS (
    SELECT published.*, quote_ident(published.schemaname) || '.' || quote_ident(published.tablename) AS name
    FROM pg_catalog.pg_publication_tables AS published
    WHERE published.pubname = %(publication)s
)
SELECT
    publication.pubinsert AS inserts,
    publication.pubupdate OR publication.pubdelete OR publication.pubtruncate AS other_kinds,
    publication.puballtables AS is_of_all_tables,
    publication.pubviaroot AS via_root,
    ARRAY(SELECT name FROM published ORDER BY 1) AS tables,
    ARRAY(
        SELECT unnest(attnames)::text FROM published WHERE name = 'public.domain_events'
    ) AS columns,
    ARRAY(
        SELECT name FROM published
        WHERE name = ANY (%(beside)s::text[])
            AND NOT (attnames::text[] @> '{id,created_at}' AND cardinality(attnames) = 2)
        ORDER BY 1
    ) AS wide,
    ARRAY(SELECT name FROM published WHERE rowfilter IS NOT NULL ORDER BY 1) AS filtered
FROM pg_catalog.pg_publication AS publication
WHERE publication.pubname = %(publication)s
