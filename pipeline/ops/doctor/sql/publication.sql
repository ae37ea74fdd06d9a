-- What a publication publishes: kinds of changes, its tables, the columns of domain_events, and the
-- tables of which it leaves out rows.
SELECT
    publication.pubinsert AS inserts,
    publication.pubupdate OR publication.pubdelete OR publication.pubtruncate AS other_kinds,
    ARRAY(
        SELECT published.schemaname || '.' || published.tablename
        FROM pg_catalog.pg_publication_tables AS published
        WHERE published.pubname = publication.pubname
        ORDER BY 1
    ) AS tables,
    ARRAY(
        SELECT unnest(published.attnames)::text
        FROM pg_catalog.pg_publication_tables AS published
        WHERE published.pubname = publication.pubname
            AND published.schemaname = 'public'
            AND published.tablename = 'domain_events'
    ) AS columns,
    ARRAY(
        SELECT published.schemaname || '.' || published.tablename
        FROM pg_catalog.pg_publication_tables AS published
        WHERE published.pubname = publication.pubname
            AND published.rowfilter IS NOT NULL
        ORDER BY 1
    ) AS filtered
FROM pg_catalog.pg_publication AS publication
WHERE publication.pubname = %(publication)s
