"""An embedded Postgres 18 with logical replication, on loopback."""

from local.postgres.server import Postgres

__all__ = ["Postgres"]
