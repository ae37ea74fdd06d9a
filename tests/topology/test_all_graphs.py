"""All graphs on one machine: a process each, supervised."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil
import pytest

from pipeline.domain.identifiers import EventId
from pipeline.domain.message import message_for
from pipeline.jobs.table import JOBS
from tests.deadline import wait_until
from tests.golden.world import P1, R1, U1
from tests.jobs.desk import Desk
from tests.streams import Broker, Stream

TICK_TOPIC: Final = "projects/fanout-test/topics/ticks"
TICKS: Final = "projects/fanout-test/subscriptions/ticks"
STARTED: Final = re.compile(r"the graph (\w+) runs as process (\d+)")


@pytest.fixture
def supervisor(desk: Desk, events: Broker, tmp_path: Path) -> Stream:
    """All graphs, not started yet."""
    events.publisher.create_topic(name=TICK_TOPIC)
    events.subscriber.create_subscription(
        request={"name": TICKS, "topic": TICK_TOPIC, "ack_deadline_seconds": 10}
    )
    flags = ("--graph", "all", "--jobs-subscription", TICKS, "--tick-topic", TICK_TOPIC)
    return Stream(events, desk.database.dsn, tmp_path / "log", *flags)


def processes(stream: Stream) -> list[tuple[str, int]]:
    """Each process that was started, in their order."""
    return [(graph, int(number)) for graph, number in STARTED.findall(stream.log)]


def wait_for_log(stream: Stream, true: Callable[[str], bool], what: str) -> None:
    wait_until(lambda: true(stream.log), seconds=60, what=what)


def test_every_graph_runs_and_one_that_ends_is_started_again_beside_the_others(
    desk: Desk, events: Broker, supervisor: Stream
) -> None:
    with supervisor:
        wait_for_log(supervisor, lambda log: log.count("reading") == 2, "both graphs read")
        started = processes(supervisor)
        assert [graph for graph, _ in started] == ["fanout", "jobs"]
        wait_until(
            lambda: {job for (job,) in desk.rows("SELECT job FROM fanout.job_runs")} == set(JOBS),
            seconds=30,
            what="each job was ticked",
        )
        os.kill(started[1][1], signal.SIGKILL)
        wait_for_log(supervisor, lambda log: log.count("reading") == 3, "the killed graph is back")
        assert "the graph jobs ended with status -9; starting it again in " in supervisor.log
        assert [graph for graph, _ in processes(supervisor)] == ["fanout", "jobs", "jobs"]
        event = desk.emit("document_uploaded", {}, actor_id=U1, project_id=P1, resource_id=R1)
        events.publish([message_for(EventId(event))])
        wait_until(
            lambda: desk.ledger().get(event) == "completed", seconds=30, what="the event is done"
        )
        numbers = [number for _, number in processes(supervisor)]
        assert supervisor.stop() == 0
    assert [number for number in numbers if psutil.pid_exists(number)] == []
    assert supervisor.log.count("stopped; ") == 2
    assert desk.rows("SELECT graph FROM fanout.graphs ORDER BY graph") == [("fanout",), ("jobs",)]


def test_no_graph_outlives_a_supervisor_that_is_killed(supervisor: Stream) -> None:
    with supervisor:
        wait_for_log(supervisor, lambda log: len(STARTED.findall(log)) == 2, "both graphs start")
        # Whether they read already or not.
        supervisor.kill()
        graphs = [number for _, number in processes(supervisor)]
        wait_until(
            lambda: not any(psutil.pid_exists(number) for number in graphs),
            seconds=60,
            what="the graphs end",
        )


def test_without_a_subscription_for_each_graph_nothing_starts(
    desk: Desk, events: Broker, tmp_path: Path
) -> None:
    with Stream(events, desk.database.dsn, tmp_path / "log", "--graph", "all") as stream:
        assert stream.process.wait(timeout=30) == 2
    assert stream.log.splitlines()[-1] == (
        "pipeline run: --graph all needs --jobs-subscription: each graph reads its own subscription"
    )
    assert "runs as process" not in stream.log
