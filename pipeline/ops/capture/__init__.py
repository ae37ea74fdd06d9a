"""What change data capture takes out of Postgres: the way from whole rows to ids and times."""
