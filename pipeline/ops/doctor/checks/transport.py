"""The ways between the parts: encrypted, direct, and to the real services."""

from typing import Final

from pipeline.ops.doctor.addresses import POOLER_PORT, SAFE_SSLMODE, stays_here
from pipeline.ops.doctor.check import CannotLook, Check, Finding, failed, ok, warning
from pipeline.ops.doctor.installation import CaptureAddress, Installation
from pipeline.postgres.sql import load

_ENCRYPTION: Final = load("pipeline.ops.doctor", "encryption")
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


def judge_pooler(port: int) -> Finding:
    """Whether the pipeline has a session of its own."""
    if port == POOLER_PORT:
        return warning(
            f"port {port} is a pooler's: settings and prepared statements of a session do not last",
            "use the direct port 5432, or the pooler's session mode",
        )
    return ok(f"port {port}")


def judge_capture(address: CaptureAddress) -> Finding:
    """Whether Debezium can replicate, and from the right server."""
    if address.port == POOLER_PORT:
        return failed(
            f"port {POOLER_PORT} is a pooler's: it does not pass on replication",
            "give Debezium the direct address: DATABASE_PORT=5432",
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
    return judge_pooler(installation.connection().info.port)


def _capture(installation: Installation) -> Finding:
    if installation.capture is None:
        raise CannotLook("no address of Debezium's database")
    return judge_capture(installation.capture)


def _emulator(installation: Installation) -> Finding:
    return judge_emulator(installation.emulator, _address(installation))


def _address(installation: Installation) -> str:
    """Where the connection really goes; a folder, or nothing, for a socket."""
    info = installation.connection().info
    return info.hostaddr or info.host


CHECKS: Final = (
    Check("encryption", "pg_stat_ssl and sslmode of DATABASE_URL", _encryption),
    Check("own session", "port of DATABASE_URL", _pooler),
    Check("Debezium's way", "--cdc-host, --cdc-port, --cdc-sslmode", _capture, "--cdc-host"),
    Check("Pub/Sub is real", "PUBSUB_EMULATOR_HOST", _emulator),
)
