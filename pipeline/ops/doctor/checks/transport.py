"""Checks of the connections: encrypted, without a pooler, and to the real services."""

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
# A command of the replication protocol, which this connection uses.
_IDENTIFY: Final = "IDENTIFY_SYSTEM"
_NO_PASSWORD: Final = "no password supplied"  # noqa: S105 - an error text of libpq
# The settings in debezium/application.properties.
_DEBEZIUM: Final = Address(
    host="DATABASE_HOST",
    server="DATABASE_HOST and DATABASE_PORT",
    login="DATABASE_USER and DATABASE_PASSWORD",
    database="DATABASE_NAME",
    encryption="DATABASE_SSLMODE",
)
# libpq's default.
_DEFAULT_SSLMODE: Final = "prefer"


def judge_encryption(address: str, *, encrypted: bool, sslmode: str) -> Finding:
    """Judge whether someone on the network could read the traffic or pose as the server."""
    if stays_here(address):
        return ok("the connection stays on this machine")
    if not encrypted:
        return failed(
            f"the connection to {address} is not encrypted",
            f"add sslmode={SAFE_SSLMODE} and sslrootcert to DATABASE_URL",
        )
    if sslmode != SAFE_SSLMODE:
        return failed(
            f"encrypted, but sslmode={sslmode} does not verify the server",
            f"add sslmode={SAFE_SSLMODE} and sslrootcert to DATABASE_URL",
        )
    return ok(f"encrypted, sslmode={sslmode}")


def judge_pooler(port: int, *, is_pooled: bool) -> Finding:
    """Judge whether the pipeline has a server session of its own."""
    if is_pooled:
        return warning(
            f"port {port} belongs to a pooler: every transaction sends its settings, which is slow",
            "use the server's own port, or the pooler's session mode with options allowed",
        )
    return ok(f"port {port}")


def judge_capture(address: CaptureAddress) -> Finding:
    """Judge whether Debezium should use this address."""
    if address.port == POOLER_PORT:
        return failed(
            f"port {POOLER_PORT} belongs to a pooler: it does not support replication",
            "connect Debezium to the server itself: its own DATABASE_HOST, and DATABASE_PORT=5432",
        )
    if not stays_here(address.host) and address.sslmode != SAFE_SSLMODE:
        return failed(
            f"sslmode={address.sslmode} does not verify the server",
            f"set DATABASE_SSLMODE={SAFE_SSLMODE} for Debezium",
        )
    return ok(f"{address.host}:{address.port}, sslmode={address.sslmode}")


def judge_emulator(emulator: str | None, database_address: str) -> Finding:
    """Judge whether real events would go to an emulator, which keeps nothing."""
    if not emulator:
        return ok("Google's service")
    if stays_here(database_address):
        return ok(f"the emulator at {emulator}, with a database on this machine")
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
        raise CannotLook("Debezium's address is not given")
    judged = judge_capture(installation.capture)
    if judged.severity != Severity.OK:
        return judged
    return _replicate(installation, installation.capture)


def _replicate(installation: Installation, address: CaptureAddress) -> Finding:
    """Check that replication works at this address, and that it is the right server."""
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
                "run doctor again with Debezium's DATABASE_PASSWORD",
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
    """Return the system identifier of the server of DATABASE_URL; None if we may not read it."""
    try:
        return str(installation.rows(_SYSTEM)[0].system)
    except (Unreachable, psycopg.Error):
        return None


def _emulator(installation: Installation) -> Finding:
    return judge_emulator(installation.emulator, _address(installation))


def _address(installation: Installation) -> str:
    """Return the address of the open connection: a folder or an empty text for a socket."""
    info = installation.connection().info
    return info.hostaddr or info.host


CHECKS: Final = (
    Check("encryption", "pg_stat_ssl and sslmode of DATABASE_URL", _encryption),
    Check("own session", "port of DATABASE_URL", _pooler),
    Check("Debezium login", "a replication connection to --cdc-host", _capture, "--cdc-host"),
    Check("Pub/Sub is real", "PUBSUB_EMULATOR_HOST", _emulator),
)
