"""How the pipeline talks to Postgres: one pool per process, three classes of errors, retries."""
