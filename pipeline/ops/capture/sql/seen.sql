-- What the steps need: the forms of messages seen, the connected pipelines, and the published columns.
SELECT
    (SELECT extract(epoch FROM now() - last_seen_at)::float8
        FROM fanout.messages_seen WHERE form = 'ids') AS ids_seconds,
    (SELECT extract(epoch FROM now() - last_seen_at)::float8
        FROM fanout.messages_seen WHERE form = 'payloads') AS payloads_seconds,
    ARRAY(
        SELECT DISTINCT substr(application_name, 8)
        FROM pg_catalog.pg_stat_activity
        WHERE datname = current_database()
            AND application_name ~ '^fanout [0-9]'
        ORDER BY 1
    ) AS versions,
    (
        SELECT published.attnames::text[]
        FROM pg_catalog.pg_publication_tables AS published
        WHERE published.pubname = %(publication)s
            AND published.schemaname = 'public'
            AND published.tablename = 'domain_events'
    ) AS columns
