"""Golden cases of due tasks, through the real graph of the jobs: F11, F25 and F36."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import apache_beam as beam
import pytest

from pipeline.domain.wake_up import WakeUp
from pipeline.jobs.message import tick_message
from pipeline.jobs.reactions.dispatch_tasks import DISPATCH_TASKS
from pipeline.runtime.runner import local_pipeline
from pipeline.settings import DatabaseSettings
from pipeline.topology.ends import Store
from pipeline.topology.jobs import JobsTopology
from tests.databases import Databases
from tests.steps.reactions.board import Board
from tests.steps.reactions.test_dispatch import Queue


@dataclass(frozen=True)
class Ticked(Queue):
    """Tasks that are handed out by ticks."""

    def dispatch(self) -> int:
        """Send the tick of the next minute through the graph; return how many were handed out."""
        before = len(self.ready_events())
        [(ticks,)] = self.board.rows("SELECT count(*) FROM fanout.job_runs")
        begin = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=30)
        tick = replace(
            tick_message(self.job.name, begin + timedelta(minutes=ticks)),
            published_at=datetime.now(UTC),
        )
        settings = DatabaseSettings(dsn=self.board.database.jobs_dsn)
        topology = JobsTopology(
            database=settings, ends=Store(settings), jobs={self.job.name: self.job}
        )
        pipeline = local_pipeline()
        topology.build(pipeline, beam.Create([[WakeUp.of(tick)]], reshuffle=False))
        pipeline.run().wait_until_finish()
        return len(self.ready_events()) - before


@pytest.fixture
def tasks(databases: Databases) -> Iterator[Ticked]:
    with databases.with_reactions() as database:
        board = Board(database)
        yield Ticked(
            board=board,
            job=DISPATCH_TASKS,
            table="agent_tasks",
            new="pending",
            done="completed",
            ready="agent.task_ready",
            complete="complete_task",
            fail="fail_task",
            row_id="taskId",
        )
        board.close()


def test_f11_a_failed_task_waits_60_120_and_240_seconds_and_fails_after_the_fourth_try(
    tasks: Ticked,
) -> None:
    task = tasks.add()
    for pause in (60, 120, 240):
        assert tasks.dispatch() == 1
        assert tasks.answer(tasks.fail, task, "the line is busy")
        assert tasks.pauses(task) == pause
        # A tick hands out what was due at its minute.
        tasks.pass_time(pause + 3600)
    assert tasks.dispatch() == 1
    assert tasks.answer(tasks.fail, task, "the line is busy")
    assert tasks.status(task) == "failed"
    tasks.pass_time(7200)
    assert tasks.dispatch() == 0


def test_f25_and_f36_the_most_urgent_comes_first_and_what_is_due_together_has_one_order(
    tasks: Ticked,
) -> None:
    for number, priority in ((5, 3), (4, 2), (3, 1), (2, 1), (1, 0)):
        tasks.add(row_id=UUID(int=number), priority=priority)
    assert tasks.dispatch() == 5
    assert [task for task, _ in tasks.ready_events()] == [UUID(int=each) for each in range(1, 6)]
