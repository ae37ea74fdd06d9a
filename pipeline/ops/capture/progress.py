"""The three steps to messages that hold only an id and a time: reads them, and takes the last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import psycopg
from psycopg import Connection
from psycopg.rows import class_row

from pipeline.clients.postgres.errors import classify
from pipeline.clients.postgres.refusal import read_refusal
from pipeline.clients.postgres.session import Session, SessionConnection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.units import counted, duration
from pipeline.ops.installed import NO_FANOUT, lacks_fanout
from pipeline.settings import CaptureNames, DatabaseSettings

# The columns that a wake-up needs.
COLUMNS: Final = ("id", "created_at")
_THIN: Final = f" ({', '.join(COLUMNS)})"
_EVENTS: Final = "public.domain_events"
_HEARTBEAT: Final = "public.fanout_heartbeat"
# The first version that reads the row instead of the message.
FIRST_VERSION: Final = (0, 2)

_SESSION: Final = Session(
    name="fanout-capture",
    statement_timeout=timedelta(seconds=15),
    lock_timeout=timedelta(seconds=5),
)
_SEEN: Final = load("pipeline.ops.capture", "seen")
_BESIDE: Final = load("pipeline.ops.capture", "beside")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A row of seen.sql.

    Attributes:
        ids_seconds: seconds since the last message without a payload; None before the first one.
        payloads_seconds: seconds since the last message with a payload; None before the first one.
        versions: the versions of the connected pipelines.
        columns: the published columns of ``domain_events``; None if the table is not published.
    """

    ids_seconds: float | None
    payloads_seconds: float | None
    versions: list[str]
    columns: list[str] | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        name: the part that must change.
        done: whether the change was observed.
        seen: what was observed.
        todo: what to do next; None if the step is done.
    """

    name: str
    done: bool
    seen: str
    todo: str | None = None


# Only releases of the fan-out before 0.2 published whole rows.
_NOTHING_TO_DO: Final = Step(
    "publication", done=True, seen=f"{NO_FANOUT}; other families publish only ids and times"
)


def read_steps(database: DatabaseSettings, names: CaptureNames) -> list[Step]:
    """Return the three steps, in the order in which they must be taken.

    Raises:
        ConfigurationError: Postgres refuses this user, or the database was never migrated.
        TransientError: Postgres cannot be reached.
    """
    with _connected(database) as connection:
        if lacks_fanout(connection):
            return [_NOTHING_TO_DO]
        return _steps(_look(connection, names))


def narrow(database: DatabaseSettings, names: CaptureNames) -> list[Step]:
    """Take the last step, if the others are done. It is harmless to repeat this.

    Returns:
        The steps afterwards.

    Raises:
        ConfigurationError: a step before it is not done, or this user does not own the publication.
        TransientError: Postgres cannot be reached, or the table is in use.
    """
    with _connected(database) as connection:
        if lacks_fanout(connection):
            return [_NOTHING_TO_DO]
        seen = _look(connection, names)
        *before, last = _steps(seen)
        for step in before:
            if not step.done:
                raise ConfigurationError(f"{step.name} first: {step.seen}; {step.todo}")
        if last.done:
            return [*before, last]
        try:
            statement = narrowing(names.publication, beside=read_beside(connection))
            connection.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            raise ConfigurationError(
                f"this user does not own the publication {names.publication}: run this as the user"
                " who runs migrate"
            ) from None
        except psycopg.Error as error:
            raise classify(error) from None
        return _steps(_look(connection, names))


def read_beside(connection: Connection[Any]) -> list[str]:
    """Return the tables of other families that the database has, which are published too.

    Raises:
        psycopg.Error: the database cannot be read.
    """
    return [name for (name,) in connection.execute(_BESIDE)]


def published_tables(*, beside: Sequence[str], with_fanout: bool = True) -> str:
    """Return the tables to publish, with their columns, in the words of SQL.

    Args:
        beside: the tables of other families that the database has, such as ``fanout.deliveries``.
        with_fanout: whether the events of the fan-out are published too.
    """
    events = [f"{_EVENTS}{_THIN}"] if with_fanout else []
    return ", ".join([*events, _HEARTBEAT, *(f"{table}{_THIN}" for table in beside)])


def narrowing(publication: str, *, beside: Sequence[str], with_fanout: bool = True) -> str:
    """Return the statement after which only ids and times are published.

    Args:
        publication: its name.
        beside: the tables of other families that the database has, such as ``fanout.deliveries``.
        with_fanout: whether the events of the fan-out are published too.
    """
    tables = published_tables(beside=beside, with_fanout=with_fanout)
    return f"ALTER PUBLICATION {publication} SET TABLE {tables}"


def _look(connection: Connection[Any], names: CaptureNames) -> Seen:
    try:
        with connection.cursor(row_factory=class_row(Seen)) as cursor:
            (seen,) = cursor.execute(_SEEN, {"publication": names.publication}).fetchall()
    except psycopg.Error as error:
        raise classify(error) from None
    return seen


def _steps(seen: Seen) -> list[Step]:
    return [_pipeline(seen), _debezium(seen), _publication(seen)]


def _pipeline(seen: Seen) -> Step:
    name = "pipeline"
    old = [version for version in seen.versions if not _is_new(version)]
    if old:
        return Step(
            name,
            done=False,
            seen=f"version {', '.join(old)} is connected, and needs payloads",
            todo="start the new version beside it, then drain the old one",
        )
    if seen.ids_seconds is None and seen.payloads_seconds is None:
        return Step(
            name,
            done=False,
            seen="it has not received a message yet",
            todo="start it, and insert an event",
        )
    return Step(name, done=True, seen="reads rows, so it needs no payloads")


def _debezium(seen: Seen) -> Step:
    name = "Debezium"
    todo = "restart it with this release's application.properties, and insert an event"
    if seen.ids_seconds is None:
        return Step(name, done=False, seen="no message without a payload has arrived", todo=todo)
    if seen.payloads_seconds is not None and seen.payloads_seconds <= seen.ids_seconds:
        ago = duration(seen.payloads_seconds)
        return Step(name, done=False, seen=f"a payload arrived {ago} ago", todo=todo)
    return Step(name, done=True, seen=f"sends ids: the last one {duration(seen.ids_seconds)} ago")


def _publication(seen: Seen) -> Step:
    name = "publication"
    if seen.columns is None:
        return Step(
            name,
            done=False,
            seen="domain_events is not published",
            todo="python -m pipeline doctor",
        )
    if set(seen.columns) <= set(COLUMNS):
        return Step(name, done=True, seen=f"publishes {', '.join(seen.columns)}")
    return Step(
        name,
        done=False,
        seen=f"publishes {counted(len(seen.columns), 'column')}, including payloads",
        todo="python -m pipeline capture --ids-only",
    )


def _is_new(version: str) -> bool:
    parts = version.split(".")[:2]
    return all(part.isdecimal() for part in parts) and tuple(map(int, parts)) >= FIRST_VERSION


def _connected(database: DatabaseSettings) -> SessionConnection:
    try:
        return SessionConnection.connect(database.dsn, session=_SESSION)
    except psycopg.Error as error:
        raise read_refusal(error).error from None
