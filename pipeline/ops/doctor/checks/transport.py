"""The ways between the parts: encrypted, direct, and to the real services."""

from typing import Any, Final

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict

from pipeline.clients.postgres.refusal import Address, read_refusal
from pipeline.clients.postgres.session import CONNECT_SECONDS
from pipeline.clients.postgres.sql import load
from pipeline.clients.postgres.watchdog import WATCHDOG
from pipeline.ops.doctor.addresses import POOLER_PORT, SAFE_SSLMODE, stays_here
from pipeline.ops.doctor.check import CannotLook, Check, Finding, Severity, failed, ok, warning
from pipeline.ops.doctor.installation import CaptureAddress, Installation, Unreachable

_ENCRYPTION: Final = load("pipeline.ops.doctor", "encryption")
_SYSTEM: Final = b"SELECT system_identifier AS system FROM pg_catalog.pg_control_system()"
# In the language of a replication connection, which knows no other.
_IDENTIFY: Final = "IDENTIFY_SYSTEM"
_NO_PASSWORD: Final = "no password supplied"  # noqa: S105 - what libpq says
# The settings in debezium/application.properties.
_DEBEZIUM: Final = Address(
    host="DATABASE_HOST",
    server="DATABASE_HOST and DATABASE_PORT",
    login="DATABASE_USER and DATABASE_PASSWORD",
    database="DATABASE_NAME",
    encryption="DATABASE_SSLMODE",
)
# What libpq does when it is told nothing.
_DEFAULT_SSLMODE: Final = "prefer"


def judge_encryption(address: str, *, encrypted: bool, sslmode: str) -> Finding:
    """Whether someone on the way could read along, or pretend to be the server."""
    if stays_here(address):
        return ok("the connection stays on this machine")
    if not encrypted:
        return failed(
            f"the connection to {address} is not encrypted",
            f"add sslmode={SAFE_SSLMODE} and sslrootcert to DATABASE_URL",
        )
    if sslmode != SAFE_SSLMODE:
        return failed(
            f"encrypted, but sslmode={sslmode} accepts any server",
            f"add sslmode={SAFE_SSLMODE} and sslrootcert to DATABASE_URL",
        )
    return ok(f"encrypted, sslmode={sslmode}")


def judge_pooler(port: int, *, is_pooled: bool) -> Finding:
    """Whether the pipeline has a session of its own."""
    if is_pooled:
        return warning(
            f"port {port} is a pooler's: settings go with each transaction, which is slower",
            "use the server's own port, or let the pooler take options in its session mode",
        )
    return ok(f"port {port}")


def judge_capture(address: CaptureAddress) -> Finding:
    """Whether Debezium may be told to go this way."""
    if address.port == POOLER_PORT:
        return failed(
            f"port {POOLER_PORT} is a pooler's: it does not pass on replication",
            "give Debezium the server itself: its own DATABASE_HOST, and DATABASE_PORT=5432",
        )
    if not stays_here(address.host) and address.sslmode != SAFE_SSLMODE:
        return failed(
            f"sslmode={address.sslmode} lets anyone on the way be the server",
            f"set DATABASE_SSLMODE={SAFE_SSLMODE} for Debezium",
        )
    return ok(f"{address.host}:{address.port}, sslmode={address.sslmode}")


def judge_emulator(emulator: str | None, database_address: str) -> Finding:
    """Whether real events would go to an emulator, which forgets them."""
    if not emulator:
        return ok("Google's service")
    if stays_here(database_address):
        return ok(f"the emulator at {emulator}, beside a database of this machine")
    return failed(
        f"PUBSUB_EMULATOR_HOST={emulator}, but the database is at {database_address}",
        "unset PUBSUB_EMULATOR_HOST",
    )


def _encryption(installation: Installation) -> Finding:
    rows = installation.rows(_ENCRYPTION)
    given = installation.connection().info.get_parameters()
    return judge_encryption(
        _address(installation),
        encrypted=bool(rows and rows[0].encrypted),
        sslmode=given.get("sslmode", _DEFAULT_SSLMODE),
    )


def _pooler(installation: Installation) -> Finding:
    connection = installation.connection()
    return judge_pooler(connection.info.port, is_pooled=connection.is_pooled)


def _capture(installation: Installation) -> Finding:
    if installation.capture is None:
        raise CannotLook("no address of Debezium's database")
    judged = judge_capture(installation.capture)
    if judged.severity != Severity.OK:
        return judged
    return _replicate(installation, installation.capture)


def _replicate(installation: Installation, address: CaptureAddress) -> Finding:
    """Whether replication works that way, and from the right server."""
    try:
        with (
            _connect(installation, address) as connection,
            WATCHDOG.watch(connection, CONNECT_SECONDS),
        ):
            system = connection.execute(_IDENTIFY).fetchall()[0][0]
    except psycopg.Error as error:
        if address.password is None and _NO_PASSWORD in str(error):
            return warning(
                f"{address.host}:{address.port} asks for a password",
                "look again with DATABASE_PASSWORD set, as for Debezium",
            )
        refusal = read_refusal(error, _DEBEZIUM)
        return failed(refusal.words, refusal.fix)
    if _system(installation) not in (None, system):
        return failed(
            f"{address.host}:{address.port} is not the server of DATABASE_URL",
            "correct DATABASE_HOST and DATABASE_PORT, or DATABASE_URL",
        )
    return ok(
        f"{address.host}:{address.port}, sslmode={address.sslmode}, replication as {address.user}"
    )


def _connect(installation: Installation, address: CaptureAddress) -> Connection[Any]:
    ours = conninfo_to_dict(installation.database.dsn)
    return psycopg.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        dbname=ours.get("dbname") or ours.get("user"),
        sslmode=address.sslmode,
        sslrootcert=ours.get("sslrootcert"),
        replication="database",
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name="fanout-doctor",
    )


def _system(installation: Installation) -> str | None:
    """What tells the server of DATABASE_URL from any other, if it lets us know."""
    try:
        return str(installation.rows(_SYSTEM)[0].system)
    except (Unreachable, psycopg.Error):
        return None


def _emulator(installation: Installation) -> Finding:
    return judge_emulator(installation.emulator, _address(installation))


def _address(installation: Installation) -> str:
    """Where the connection really goes; a folder, or nothing, for a socket."""
    info = installation.connection().info
    return info.hostaddr or info.host


CHECKS: Final = (
    Check("encryption", "pg_stat_ssl and sslmode of DATABASE_URL", _encryption),
    Check("own session", "port of DATABASE_URL", _pooler),
    Check("Debezium's way", "a replication connection to --cdc-host", _capture, "--cdc-host"),
    Check("Pub/Sub is real", "PUBSUB_EMULATOR_HOST", _emulator),
)
