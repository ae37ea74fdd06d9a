"""The outside: how the pipeline talks to Postgres and to Pub/Sub."""
