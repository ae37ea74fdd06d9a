"""Pauses an event type or a scheduled job, and resumes it."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import namedtuple_row

from pipeline.clients.postgres.check import check_first
from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import MAIL_SWITCH
from pipeline.domain.errors import NotFound
from pipeline.jobs.table import JOBS
from pipeline.ops.jobs.read import check_jobs
from pipeline.ops.reactions.figures import count_paused
from pipeline.ops.reactions.present import check_reactions
from pipeline.ops.switches.names import PROVIDERS
from pipeline.ops.switches.things import is_reaction
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.settings import DatabaseSettings

CLOSE_NAMES: Final = 3
_LISTED: Final = (
    "docs/events.md and docs/reaction-events.md list the types, python -m pipeline jobs the jobs"
)

_PAUSE: Final = load(__package__, "pause")
_RESUME: Final = load(__package__, "resume")
_COUNT: Final = load(__package__, "count_paused")
_COUNT_MAILS: Final = load(__package__, "count_mails")
_COUNT_RUNS: Final = load(__package__, "count_waiting_runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """The result of a pause.

    Attributes:
        before: whether the type was already paused. If so, ``who`` and ``since`` are of that pause.
        waiting: how many events of the type, or runs of the job, wait now.
    """

    name: str
    before: bool
    reason: str | None
    who: str
    since: datetime
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """The result of a resume.

    Attributes:
        was: ``paused``, ``open`` for a breaker, or None if no switch held the type back.
        waiting: how many events of the type, or runs of the job, still wait.
    """

    name: str
    was: str | None
    waiting: int


def pause(
    settings: DatabaseSettings, name: str, known: Collection[str], *, reason: str | None = None
) -> Paused:
    """Pause an event type, a job, a type of mail or a provider. Pipelines obey within a second.

    A run of a job that has started goes on to its end.

    Args:
        settings: the database, with the login of an operator.
        name: the event type or the job.
        known: the names that can be paused.
        reason: why it is paused, for the record.

    Raises:
        NotFound: nothing of this name can be paused.
        ConfigurationError: it is a job, and the database lacks the tables of the jobs.
    """
    _check_name(name, known)

    def work(connection: Connection[Any]) -> Paused:
        with connection.cursor(row_factory=namedtuple_row) as cursor:
            [row] = cursor.execute(_PAUSE, {"name": name, "reason": reason}).fetchall()
        return Paused(name=name, waiting=count_waiting(connection, name), **row._asdict())

    _check_database(settings, name)
    return with_connection(settings, work)


def resume(settings: DatabaseSettings, name: str, known: Collection[str]) -> Resumed:
    """Resume an event type or a job that a person paused or the breaker holds back.

    Raises:
        NotFound: nothing of this name can be paused, and no switch has this name.
        ConfigurationError: it is a job, and the database lacks the tables of the jobs.
    """

    def work(connection: Connection[Any]) -> Resumed:
        row = connection.execute(_RESUME, {"name": name}).fetchone()
        if row is None:
            # A paused type can be resumed even if it has lost its handler since.
            _check_name(name, known)
        return Resumed(name=name, was=row and row[0], waiting=count_waiting(connection, name))

    _check_database(settings, name)
    return with_connection(settings, work)


def count_waiting(connection: Connection[Any], name: str) -> int:
    """Return how many events of a type, runs of a job, or mails wait."""
    if name.startswith(MAIL_SWITCH):
        asked = {"name": name, "is_provider": name in PROVIDERS}
        return int(connection.execute(_COUNT_MAILS, asked).fetchall()[0][0])
    if is_reaction(name):
        return count_paused(connection, name)
    statement = _COUNT_RUNS if name in JOBS else _COUNT
    return int(connection.execute(statement, {"name": name}).fetchall()[0][0])


def _check_database(settings: DatabaseSettings, name: str) -> None:
    if name in JOBS:
        check_jobs(settings)
    elif name in REACTION_HANDLERS:
        check_reactions(settings)
    else:
        check_first(settings)


def _check_name(name: str, known: Collection[str]) -> None:
    if name in known:
        return
    close = difflib.get_close_matches(name, known, CLOSE_NAMES)
    hint = f"did you mean {' or '.join(close)}?" if close else _LISTED
    raise NotFound(f"no event type and no job {name[:80]!r}: {hint}")
