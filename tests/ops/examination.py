"""Runs one check of doctor on an installation, and plants slots and heartbeats."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from psycopg.pq import ExecStatus, PGconn

from pipeline.ops.doctor.check import Finding
from pipeline.ops.doctor.checks import CHECKS
from pipeline.ops.doctor.examine import examine
from pipeline.ops.doctor.installation import Installation
from pipeline.settings import CaptureNames, DatabaseSettings
from tests.databases import Database

NAMES: Final = CaptureNames()
BY_NAME: Final = {check.name: check for check in CHECKS}


def look(installation: Installation, name: str) -> Finding:
    """What one check finds."""
    with installation:
        (examined,) = examine(installation, [BY_NAME[name]])
    assert examined.finding is not None
    return examined.finding


def found(database: Database, name: str, dsn: str | None = None) -> Finding:
    """What one check finds, by default with the login of an operator."""
    settings = DatabaseSettings(dsn=dsn or database.operator_dsn)
    return look(Installation(database=settings), name)


@contextmanager
def slot(
    database: Database,
    *,
    failover: bool = True,
    read: bool = True,
    names: CaptureNames = NAMES,
) -> Iterator[None]:
    """Create the slot, and a process that reads it."""
    with database.connect() as connection:
        connection.execute(
            "SELECT pg_create_logical_replication_slot(%s, 'pgoutput', false, false, %s)",
            [names.slot, failover],
        )
        reader = PGconn.connect(f"{database.cdc_dsn}?replication=database".encode())
        try:
            if read:
                started = reader.exec_(
                    f"START_REPLICATION SLOT {names.slot} LOGICAL 0/0"
                    f" (proto_version '1', publication_names '{names.publication}')".encode()
                )
                assert started.status == ExecStatus.COPY_BOTH, started.error_message
            yield
        finally:
            reader.finish()
            of_slot = "FROM pg_replication_slots WHERE slot_name = %s"
            for end in (
                "pg_terminate_backend(active_pid, 5000)",
                "pg_drop_replication_slot(slot_name)",
            ):
                connection.execute(f"SELECT {end} {of_slot}".encode(), [names.slot])


def beat(database: Database, age: str) -> None:
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO public.fanout_heartbeat (beat_at) VALUES (now() - %s::interval)", [age]
        )
