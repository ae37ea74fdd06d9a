-- What a publication publishes: the kinds of changes, its tables, the columns of domain_events and of
-- fanout.deliveries, which not every database has, and the tables with a row filter. Each partition
-- counts as a table, unless the publication publishes partitions under the name of their table.
WITH published AS (
    SELECT published.*, published.schemaname || '.' || published.tablename AS name
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
        SELECT unnest(attnames)::text FROM published WHERE name = 'fanout.deliveries'
    ) AS delivery_columns,
    ARRAY(SELECT name FROM published WHERE rowfilter IS NOT NULL ORDER BY 1) AS filtered
FROM pg_catalog.pg_publication AS publication
WHERE publication.pubname = %(publication)s
