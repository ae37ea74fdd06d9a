"""Checks of the Postgres server and its settings."""

from dataclasses import dataclass
from typing import Final

from pipeline.clients.postgres.sql import load
from pipeline.ops.doctor.check import Check, Finding, failed, ok, warning
from pipeline.ops.doctor.installation import Installation, Unreachable
from pipeline.ops.installed import lacks_fanout

# The first version with security_invoker views, which read with the rights of the caller.
OLDEST_VERSION: Final = 150_000

_SERVER: Final = load("pipeline.ops.doctor", "server")


@dataclass(frozen=True, slots=True)
class Server:
    """A row of server.sql.

    Without a limit, ``keep_bytes`` and ``database_limit`` are negative and ``idle_seconds`` is 0.
    ``idle_seconds`` is None before Postgres 18.
    """

    version: str
    version_number: int
    wal_level: str
    synchronous_commit: str
    keep_bytes: int
    idle_seconds: int | None
    is_standby: bool
    is_read_only: bool
    max_connections: int
    reserved: int
    database_limit: int
    database: str
    role: str


def server(installation: Installation) -> Server:
    """Return the settings of the server, as this session has them."""
    return Server(*installation.rows(_SERVER)[0])


def judge_version(version: str, number: int) -> Finding:
    """Judge whether this version can run the migrations."""
    if number < OLDEST_VERSION:
        return failed(f"Postgres {version}", "upgrade to 15 or later; 17 is better")
    return ok(f"Postgres {version}")


def _answers(installation: Installation) -> Finding:
    try:
        row = server(installation)
    except Unreachable as error:
        return failed(error.refusal.words, error.refusal.fix)
    if row.is_standby:
        return warning(
            f"database {row.database}, as {row.role}, on a standby, which is read-only",
            "connect to the primary; the pipeline and Debezium need the primary too",
        )
    if row.is_read_only:
        return warning(
            f"database {row.database}, as {row.role}, with default_transaction_read_only on",
            "turn it off for the server, the database or the role: nothing can be written",
        )
    return ok(f"database {row.database}, as {row.role}")


def _version(installation: Installation) -> Finding:
    row = server(installation)
    return judge_version(row.version, row.version_number)


def _wal_level(installation: Installation) -> Finding:
    level = server(installation).wal_level
    if level == "logical":
        return ok(level)
    # Without the fan-out, the graphs look for what is new themselves.
    judge = warning if lacks_fanout(installation.connection()) else failed
    return judge(
        f"{level}: changes cannot be captured",
        "ALTER SYSTEM SET wal_level = 'logical', then restart the server",
    )


def _synchronous_commit(installation: Installation) -> Finding:
    value = server(installation).synchronous_commit
    if value == "off":
        return warning(
            "off: a crash of the server loses the last commits",
            "set it to on for the database and for the application's role"
            " (the pipeline sets it for its own sessions)",
        )
    return ok(value)


def _connections(installation: Installation) -> Finding:
    row, granted = server(installation), installation.connections
    usable = row.max_connections - row.reserved
    seen, fix = f"{usable} of the server's {row.max_connections}", "raise max_connections"
    if 0 <= row.database_limit < usable:
        usable = row.database_limit
        seen = f"{usable}, by the limit of this database,"
        fix = "raise that limit: ALTER DATABASE ... CONNECTION LIMIT"
    if granted > usable:
        return warning(
            f"{seen} are for clients, fewer than the {granted} that a job may open",
            f"launch the job with --database_connections={usable} or less, or {fix};"
            " if the job has another limit, pass it: --connections",
        )
    return ok(f"{seen} are for clients, a job may open {granted}")


CHECKS: Final = (
    Check("connection", "DATABASE_URL", _answers),
    Check("server version", "server_version", _version),
    Check("wal level", "wal_level", _wal_level),
    Check("durable commits", "synchronous_commit", _synchronous_commit),
    Check("connections", "max_connections", _connections),
)
