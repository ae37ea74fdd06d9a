-- What a publication publishes: kinds of changes, its tables, the columns of domain_events, and the
-- tables of which it leaves out rows. The partitions of a table are tables, unless it publishes
-- them under the table's name.
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
    ARRAY(SELECT name FROM published WHERE rowfilter IS NOT NULL ORDER BY 1) AS filtered
FROM pg_catalog.pg_publication AS publication
WHERE publication.pubname = %(publication)s
