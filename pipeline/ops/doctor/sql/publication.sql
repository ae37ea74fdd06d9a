-- What a publication publishes: kinds of changes, and its tables, with what it leaves out of them.
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
        SELECT published.schemaname || '.' || published.tablename
        FROM pg_catalog.pg_publication_tables AS published
        WHERE published.pubname = publication.pubname
            AND (
                published.rowfilter IS NOT NULL
                OR cardinality(published.attnames) < (
                    SELECT count(*)
                    FROM pg_catalog.pg_attribute AS attribute
                    WHERE attribute.attrelid =
                            format('%%I.%%I', published.schemaname, published.tablename)::regclass
                        AND attribute.attnum > 0
                        AND NOT attribute.attisdropped
                        AND attribute.attgenerated = ''
                )
            )
        ORDER BY 1
    ) AS partial
FROM pg_catalog.pg_publication AS publication
WHERE publication.pubname = %(publication)s
