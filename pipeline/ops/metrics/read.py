"""Reads the figures of the ledger: one statement for each part."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar

import psycopg
from psycopg import Connection
from psycopg.errors import QueryCanceled, UndefinedColumn, UndefinedTable

from pipeline.clients.postgres.errors import classify
from pipeline.clients.postgres.refusal import read_refusal
from pipeline.clients.postgres.session import Session, SessionConnection
from pipeline.clients.postgres.sql import load
from pipeline.clients.postgres.watchdog import WATCHDOG
from pipeline.ops.installed import lacks_fanout
from pipeline.ops.jobs.read import read_jobs
from pipeline.ops.mail.figures import read_mails
from pipeline.ops.metrics.figures import (
    CaptureLag,
    FailuresSeen,
    LedgerFigures,
    PerMinute,
    ReplaysSeen,
)
from pipeline.ops.push.figures import read_pushes
from pipeline.ops.reactions.figures import read_reactions
from pipeline.ops.status.figures import Latency, SlotFigures
from pipeline.ops.status.parts import Parts
from pipeline.ops.status.read import read_graphs, read_pipeline, read_slot, read_switches
from pipeline.settings import CaptureNames, DatabaseSettings

PartT = TypeVar("PartT")

# For all parts together. A server that needs longer counts as unreachable.
TIMEOUT_SECONDS: Final = 40.0
_SESSION: Final = Session(
    name="fanout-metrics",
    statement_timeout=timedelta(seconds=15),
    lock_timeout=timedelta(seconds=1),
    read_only=True,
)

# A statement takes too long, or a migration is missing: the other figures can still be read.
_LEAVES_OUT: Final = (QueryCanceled, UndefinedColumn, UndefinedTable)

_PER_MINUTE: Final = load(__package__, "per_minute")
_LATENCY: Final = load(__package__, "latency")
_EMAILS: Final = load(__package__, "emails")
_FAILURES: Final = load(__package__, "failures")
_REPLAYS: Final = load(__package__, "replays")
_HEARTBEAT: Final = load("pipeline.ops.doctor", "heartbeat")


def read_figures(settings: DatabaseSettings, names: CaptureNames) -> LedgerFigures:
    """Return the current figures.

    Raises:
        ConfigurationError: the database refuses this user, or lacks a table.
        TransientError: the database does not answer, or the connection was lost.
    """
    try:
        connection = SessionConnection.connect(settings.dsn, session=_SESSION)
    except psycopg.Error as error:
        raise read_refusal(error).error from None
    with connection, WATCHDOG.watch(connection, TIMEOUT_SECONDS):
        try:
            return _read(connection, names.slot)
        except psycopg.Error as error:
            raise classify(error) from None


def _read(connection: Connection[Any], slot: str) -> LedgerFigures:
    parts = Parts(connection, leaves_out=_LEAVES_OUT)
    part = parts.read
    # Nobody has to read what is not installed: an alert must not ring because nobody can.
    of_fanout = _left_out if part("families", lacks_fanout) else part
    return LedgerFigures(
        per_minute=of_fanout("per_minute", _per_minute),
        latency=of_fanout("latency", _latency),
        pipeline=of_fanout("pipeline", read_pipeline),
        emails=of_fanout("emails", _emails),
        failures=part("failures", _failures),
        slot=part("slot", partial(_slot, name=slot)),
        capture=part("capture", partial(_capture, slot=slot)),
        graphs=part("graphs", read_graphs),
        jobs=part("jobs", read_jobs),
        mails=part("mails", read_mails),
        pushes=part("pushes", read_pushes),
        reactions=part("reactions", read_reactions),
        switches=part("switches", read_switches),
        replays=part("replays", _replays),
        # Last, when all parts were read.
        unread=sum(map(len, (parts.not_visible, parts.locked, parts.left_out))),
    )


def _left_out(name: str, read: Callable[[Connection[Any]], PartT]) -> PartT | None:  # noqa: ARG001 - as Parts.read
    """Return nothing for a part of a family that is not installed."""
    return None


def _per_minute(connection: Connection[Any]) -> list[PerMinute]:
    return [PerMinute(*row) for row in connection.execute(_PER_MINUTE)]


def _latency(connection: Connection[Any]) -> Latency:
    return Latency(*connection.execute(_LATENCY).fetchall()[0])


def _emails(connection: Connection[Any]) -> Mapping[str, int]:
    return dict(connection.execute(_EMAILS).fetchall())


def _failures(connection: Connection[Any]) -> Mapping[str, FailuresSeen]:
    return {name: FailuresSeen(*row) for name, *row in connection.execute(_FAILURES)}


def _slot(connection: Connection[Any], *, name: str) -> list[SlotFigures] | None:
    found = read_slot(connection, name=name)
    if found is None and lacks_fanout(connection):
        # Nobody has to capture: an alert must not ring because nobody does.
        return None
    return [] if found is None else [found]


def _capture(connection: Connection[Any], *, slot: str) -> CaptureLag:
    return CaptureLag(*connection.execute(_HEARTBEAT, {"slot": slot}).fetchall()[0])


def _replays(connection: Connection[Any]) -> ReplaysSeen:
    return ReplaysSeen(*connection.execute(_REPLAYS).fetchall()[0])
