"""Reads the figures: one statement per part. A part that fails does not stop the others."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar

import psycopg
from psycopg import Connection
from psycopg.errors import UndefinedTable
from psycopg.rows import dict_row

from pipeline.clients.postgres.errors import classify
from pipeline.clients.postgres.locks import Lock, read_locks
from pipeline.clients.postgres.refusal import read_refusal
from pipeline.clients.postgres.session import Session, SessionConnection
from pipeline.clients.postgres.sql import load
from pipeline.clients.postgres.watchdog import WATCHDOG
from pipeline.domain.dead_letter import without_numbers
from pipeline.domain.errors import ConfigurationError
from pipeline.fanout.outcome import FINAL
from pipeline.ops.installed import lacks_fanout
from pipeline.ops.jobs.kept import read_mark, read_revoked
from pipeline.ops.jobs.read import read_jobs
from pipeline.ops.mail.figures import read_mails
from pipeline.ops.push.figures import read_pushes
from pipeline.ops.reactions.figures import read_paused_types, read_reactions
from pipeline.ops.status.figures import (
    DeadLetters,
    Failure,
    GraphSeen,
    JobFigures,
    LastHour,
    Latency,
    OtherProgram,
    Pipeline,
    Queue,
    SlotFigures,
    StatusFigures,
    SwitchSeen,
)
from pipeline.ops.status.parts import Parts
from pipeline.settings import CaptureNames, DatabaseSettings

PartT = TypeVar("PartT")

LATEST_CAUSES: Final = 5
_MINUTES: Final = 60
# A reading must not slow the database down, and must not change anything.
_SESSION: Final = Session(
    name="fanout-status",
    statement_timeout=timedelta(seconds=15),
    # Applies to each part, and there are many.
    lock_timeout=timedelta(seconds=1),
    read_only=True,
)
# For all parts together.
TIMEOUT_SECONDS: Final = 60.0
# The part of it that a lock may take.
_LOCKS: Final = 40

PIPELINE: Final = load("pipeline.ops.status", "pipeline")
OTHER_PROGRAM: Final = load("pipeline.ops.status", "other_program")
_NOW: Final = (
    b"SELECT current_database(), now(), to_regclass('public.fanout_migrations') IS NOT NULL"
)
_HAS_EVENTS: Final = load("pipeline.ops.status", "has_events")
_GRAPHS: Final = load("pipeline.ops.status", "graphs")
_SWITCHES: Final = load("pipeline.ops.status", "switches")
_SWITCHES_ALONE: Final = load("pipeline.ops.status", "switches_alone")
_QUEUES: Final = load("pipeline.ops.status", "queues")
_STATES: Final = load("pipeline.ops.status", "states")
_LATENCY: Final = load("pipeline.ops.status", "latency")
_SLOT: Final = load("pipeline.ops.status", "slot")
_HEARTBEAT: Final = load("pipeline.ops.status", "heartbeat")
_IDLE_LIMIT: Final = load("pipeline.ops.status", "idle_limit")
_LOG_SIZE: Final = load("pipeline.ops.status", "log_size")
_FAILURES: Final = load("pipeline.ops.status", "failures")


def read_status(
    settings: DatabaseSettings,
    names: CaptureNames | None = None,
    *,
    seconds: float = TIMEOUT_SECONDS,
) -> StatusFigures:
    """Return the current figures.

    ``not_visible`` names the parts that the role may not read. ``locked`` names the parts whose
    tables are locked.

    Args:
        settings: the database.
        names: the slot to look for.
        seconds: a server that needs longer for all parts together counts as unreachable.

    Raises:
        ConfigurationError: the database refuses this user, or was never migrated.
        TransientError: the database does not answer, or the connection was lost.
    """
    try:
        connection = SessionConnection.connect(settings.dsn, session=_session(seconds))
    except psycopg.Error as error:
        raise read_refusal(error).error from None
    with connection, WATCHDOG.watch(connection, seconds):
        try:
            return _read(connection, names or CaptureNames())
        except psycopg.Error as error:
            raise classify(error) from None


def _session(seconds: float) -> Session:
    return replace(
        _SESSION,
        statement_timeout=min(_SESSION.statement_timeout, timedelta(seconds=seconds / 2)),
        lock_timeout=min(_SESSION.lock_timeout, timedelta(seconds=seconds / _LOCKS)),
    )


def _read(connection: Connection[Any], names: CaptureNames) -> StatusFigures:
    parts = Parts(connection)
    part = parts.read
    database, now, migrated = connection.execute(_NOW).fetchall()[0]
    if not migrated:
        raise ConfigurationError(
            f"the database {database} was never migrated; run: python -m pipeline migrate"
        )
    no_fanout = bool(part("families", lacks_fanout))
    # Where the fan-out is installed, somebody must know that a table is missing.
    parts.leaves_out = (UndefinedTable,) if no_fanout else ()
    jobs = part("jobs", _jobs)
    return StatusFigures(
        database=database,
        taken_at=now.isoformat(),
        has_events=part("has_events", _has_events),
        queues=part("queues", _queues),
        pipeline=part("pipeline", read_pipeline),
        graphs=part("graphs", read_graphs),
        switches=part("switches", read_switches),
        jobs=jobs,
        overdue_jobs=None if jobs is None else sum(job.overdue for job in jobs.values()),
        mails=part("mails", read_mails),
        pushes=part("pushes", read_pushes),
        reactions=part("reactions", read_reactions),
        other_program=part("other_program", _other_program),
        last_hour=part("last_hour", _last_hour),
        latency=part("latency", _latency),
        slot_name=names.slot,
        slot=part("slot", partial(read_slot, name=names.slot, is_needed=not no_fanout)),
        idle_slot_seconds=part("idle_slot_seconds", _idle_limit),
        heartbeat_seconds=part("heartbeat_seconds", partial(_heartbeat, is_needed=not no_fanout)),
        log_bytes=part("log_bytes", _log_size),
        dead_letters=part("dead_letters", _dead_letters),
        retention=part("retention", read_mark),
        calendar_grants=part("calendar_grants", read_revoked),
        not_installed=parts.left_out,
        not_visible=parts.not_visible,
        locked=parts.locked,
        # Last, because a lock that delayed a part above is usually still held.
        locks=part("locks", _locks),
    )


def _has_events(connection: Connection[Any]) -> bool:
    return bool(connection.execute(_HAS_EVENTS).fetchall()[0][0])


def _queues(connection: Connection[Any]) -> Mapping[str, Queue]:
    return {name: Queue(*figures) for name, *figures in connection.execute(_QUEUES)}


def _last_hour(connection: Connection[Any]) -> LastHour:
    states = Counter({state.value: 0 for state in FINAL})
    per_minute = [0] * _MINUTES
    for minutes_ago, state, events in connection.execute(_STATES):
        states[state] += events
        if 0 <= minutes_ago < _MINUTES:
            per_minute[_MINUTES - 1 - minutes_ago] += events
    return LastHour(dict(states), per_minute)


def _latency(connection: Connection[Any]) -> Latency:
    return Latency(*connection.execute(_LATENCY).fetchall()[0])


def read_pipeline(connection: Connection[Any]) -> Pipeline:
    """Return the signs of life of the pipeline, with the events that wait."""
    with connection.cursor(row_factory=dict_row) as cursor:
        [row] = cursor.execute(PIPELINE).fetchall()
    return Pipeline(**row)


def read_graphs(connection: Connection[Any]) -> Mapping[str, GraphSeen]:
    """Return the last sign of life of every graph that ever ran here."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_GRAPHS).fetchall()
    return {row.pop("graph"): GraphSeen(**row) for row in rows}


def read_switches(connection: Connection[Any]) -> Mapping[str, SwitchSeen]:
    """Return the event types and jobs that are held back now."""
    statement = _SWITCHES_ALONE if lacks_fanout(connection) else _SWITCHES
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement).fetchall()
    seen = {row.pop("name"): SwitchSeen(**row) for row in rows}
    paused = read_paused_types(connection) if seen else {}
    return {
        name: replace(each, waiting=each.waiting + paused.get(name, 0))
        for name, each in seen.items()
    }


def _jobs(connection: Connection[Any]) -> Mapping[str, JobFigures] | None:
    jobs = read_jobs(connection)
    if jobs is None:
        return None
    return {
        job.name: JobFigures(
            done_seconds=job.done_seconds,
            overdue=job.overdue,
            state=None if job.last is None else job.last.state,
        )
        for job in jobs
    }


def _other_program(connection: Connection[Any]) -> OtherProgram | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(OTHER_PROGRAM).fetchone()
    return OtherProgram(**row) if row else None


def _idle_limit(connection: Connection[Any]) -> int | None:
    row = connection.execute(_IDLE_LIMIT).fetchone()
    return row[0] if row else None


def read_slot(
    connection: Connection[Any], *, name: str, is_needed: bool = True
) -> SlotFigures | None:
    """Return the figures of a replication slot; None if this database has no slot of this name.

    Raises:
        UndefinedTable: it has none, and needs none.
    """
    row = connection.execute(_SLOT, {"slot": name}).fetchone()
    if row is None and not is_needed:
        raise UndefinedTable
    return SlotFigures(*row) if row else None


def _heartbeat(connection: Connection[Any], *, is_needed: bool) -> float | None:
    row = connection.execute(_HEARTBEAT).fetchone()
    if row is None and not is_needed:
        raise UndefinedTable
    return row[0] if row else None


def _locks(connection: Connection[Any]) -> list[Lock]:
    return [lock for lock in read_locks(connection) if lock.is_long]


def _log_size(connection: Connection[Any]) -> int | None:
    row = connection.execute(_LOG_SIZE).fetchone()
    return row[0] if row else None


def _dead_letters(connection: Connection[Any]) -> DeadLetters:
    failures = [Failure(*row) for row in connection.execute(_FAILURES)]
    latest = failures[:LATEST_CAUSES]
    return DeadLetters(
        open=sum(failure.letters for failure in failures),
        causes=len(failures),
        latest=[replace(each, message=without_numbers(each.message)) for each in latest],
    )
