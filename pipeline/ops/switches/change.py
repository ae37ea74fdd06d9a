"""Pause an event type, and resume it."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import namedtuple_row

from pipeline.clients.postgres.check import check_database
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import NotFound
from pipeline.settings import DatabaseSettings

CLOSE_NAMES: Final = 3

_PAUSE: Final = load(__package__, "pause")
_RESUME: Final = load(__package__, "resume")
_COUNT: Final = load(__package__, "count_paused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """A pause as it stands.

    Attributes:
        before: it was paused already: ``who`` and ``since`` are of then.
        waiting: events of the type that wait by now.
    """

    name: str
    before: bool
    reason: str | None
    who: str
    since: datetime
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What a resume found.

    Attributes:
        was: ``paused``, ``open`` for a breaker, None where nothing held it back.
        waiting: events of the type that wait still.
    """

    name: str
    was: str | None
    waiting: int


def pause(
    settings: DatabaseSettings, name: str, known: Collection[str], *, reason: str | None = None
) -> Paused:
    """Let events of a type wait, from the next second on.

    Args:
        settings: the database, as an operator.
        name: the event type.
        known: the names that can be paused.
        reason: why, for those who look later.

    Raises:
        NotFound: nothing of this name can be paused.
    """
    _check_name(name, known)

    def work(connection: Connection[Any]) -> Paused:
        with connection.cursor(row_factory=namedtuple_row) as cursor:
            [row] = cursor.execute(_PAUSE, {"name": name, "reason": reason}).fetchall()
        return Paused(name=name, waiting=_waiting(connection, name), **row._asdict())

    check_database(settings)
    return with_connection(settings, work)


def resume(settings: DatabaseSettings, name: str, known: Collection[str]) -> Resumed:
    """Let events of a type go on, whether a person or a breaker held them back.

    Raises:
        NotFound: nothing of this name is held back, nor could it be.
    """

    def work(connection: Connection[Any]) -> Resumed:
        row = connection.execute(_RESUME, {"name": name}).fetchone()
        if row is None:
            # A type that lost its handler while it was paused can be resumed all the same.
            _check_name(name, known)
        return Resumed(name=name, was=row and row[0], waiting=_waiting(connection, name))

    check_database(settings)
    return with_connection(settings, work)


def _waiting(connection: Connection[Any], name: str) -> int:
    return int(connection.execute(_COUNT, {"name": name}).fetchall()[0][0])


def _check_name(name: str, known: Collection[str]) -> None:
    if name in known:
        return
    close = difflib.get_close_matches(name, known, CLOSE_NAMES)
    hint = f"did you mean {' or '.join(close)}?" if close else "docs/events.md lists them"
    raise NotFound(f"no event type {name[:80]!r} has a handler: {hint}")
