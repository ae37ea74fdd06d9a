"""The work of one life of a job: its tick is delivered, and it dies at a chosen statement."""

import itertools
import os
import signal
import threading
from collections.abc import Iterator
from ctypes import Structure, c_int
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from pipeline.commands.life import closed_pools
from pipeline.jobs.job import Job
from pipeline.jobs.tick import Tick
from pipeline.settings import CalendarSettings, DatabaseSettings
from pipeline.sinks.dead_letters import write_dead_letters
from pipeline.steps.run_job import JobRunner
from pipeline.steps.runners import RUNNERS, runners_with
from tests.steps.runs import run_tick
from tests.torture.lives import any_instant
from tests.torture.worker import begin

# A statement takes some milliseconds: the death is in the middle of it, or soon after its end.
WITHIN_SECONDS: Final = 0.01


class JobState(Structure):
    """The state of a life, in memory that its starter reads."""

    statements: int
    _fields_ = [("statements", c_int)]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlace:
    """What a life runs, and where.

    Attributes:
        dsn: the database, in the role of the jobs.
        calendar: Google, if the job asks it.
        again: how often the tick is delivered after the first time.
    """

    dsn: str
    log: Path
    job: Job
    tick: Tick
    calendar: CalendarSettings | None = None
    again: int = 0

    @property
    def runner(self) -> JobRunner:
        """Runs the job as the graph does."""
        settings = DatabaseSettings(dsn=self.dsn, retry_for=timedelta(seconds=30))
        return JobRunner(
            settings=settings,
            bury=partial(write_dead_letters, settings, None),
            runners=runners_with(self.calendar) if self.calendar else RUNNERS,
        )


class Moment(Enum):
    """When a life dies."""

    BEFORE = auto()
    WITHIN = auto()
    AFTER = auto()


@dataclass(frozen=True, slots=True)
class Death:
    """SIGKILL at a statement of the process, counted from 1."""

    statement: int
    moment: Moment


def run_job(place: JobPlace, state: JobState, death: Death | None) -> None:
    """Deliver the tick, and count the statements; die when told to."""
    begin(place.log)
    honest = psycopg.Cursor.execute
    numbers = itertools.count(1)

    def counted(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as psycopg's
        number = next(numbers)
        state.statements = number
        moment = death.moment if death is not None and number == death.statement else None
        if moment is Moment.BEFORE:
            _die()
        if moment is Moment.WITHIN:
            threading.Timer(any_instant(WITHIN_SECONDS), _die).start()
        answer = honest(*arguments, **options)
        if moment is Moment.AFTER:
            _die()
        if moment is Moment.WITHIN:
            threading.Event().wait()
        return answer

    with pytest.MonkeyPatch.context() as patch, closed_pools():
        # Every statement of ours goes through it.
        patch.setattr(psycopg.Cursor, "execute", counted)
        for _ in range(1 + place.again):
            run_tick(place.runner, place.job, place.tick)


def moments(statements: int) -> Iterator[Death]:
    """Every instant at which a process with so many statements can die."""
    for statement in range(1, statements + 1):
        for moment in Moment:
            yield Death(statement, moment)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
