"""Scheduled jobs: a database in; when each ran, what came of it, and when it is due out."""
