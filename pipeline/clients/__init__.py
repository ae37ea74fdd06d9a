"""Clients of Postgres and Pub/Sub."""
