"""The Postgres client: one pool per process, three classes of errors, retries."""
