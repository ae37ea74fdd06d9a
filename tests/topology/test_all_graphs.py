"""All graphs on one machine: a process each, supervised."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest

from local.resend import ResendServer
from pipeline.domain.identifiers import EventId
from pipeline.domain.message import message_for
from pipeline.jobs.job import OF_JOBS
from pipeline.jobs.table import JOBS
from tests.deadline import wait_until
from tests.golden.world import P1, U1, U4
from tests.jobs.desk import Desk
from tests.steps.mail.desk import FROM, KEY
from tests.streams import Broker, Stream

TICK_TOPIC: Final = "projects/fanout-test/topics/ticks"
TICKS: Final = "projects/fanout-test/subscriptions/ticks"
DELIVERY_TOPIC: Final = "projects/fanout-test/topics/deliveries"
DELIVERIES: Final = "projects/fanout-test/subscriptions/deliveries"
ALL: Final = ("--graph", "all", "--jobs-subscription", TICKS, "--tick-topic", TICK_TOPIC)
STARTED: Final = re.compile(r"the graph (\w+) runs as process (\d+)")


def subscribe(events: Broker, subscription: str, topic: str) -> None:
    events.publisher.create_topic(name=topic)
    events.subscriber.create_subscription(
        request={"name": subscription, "topic": topic, "ack_deadline_seconds": 10}
    )


@pytest.fixture
def supervisor(desk: Desk, events: Broker, tmp_path: Path) -> Stream:
    """The graphs that every installation has, and reactions; not started yet."""
    subscribe(events, TICKS, TICK_TOPIC)
    more = ("--reactions-subscription", DELIVERIES)
    return Stream(events, desk.database.dsn, tmp_path / "log", *ALL, *more)


def processes(stream: Stream) -> list[tuple[str, int]]:
    """Each process that was started, in their order."""
    return [(graph, int(number)) for graph, number in STARTED.findall(stream.log)]


def wait_for_log(stream: Stream, true: Callable[[str], bool], what: str) -> None:
    wait_until(lambda: true(stream.log), seconds=60, what=what)


@pytest.fixture
def provider() -> Iterator[ResendServer]:
    """Takes every mail."""
    with ResendServer().serving() as server:
        server.api_keys.add(KEY)
        server.reserved_is_refused = False
        yield server


@pytest.fixture
def with_mail(desk: Desk, events: Broker, tmp_path: Path, provider: ResendServer) -> Stream:
    """Every graph, not started yet."""
    subscribe(events, TICKS, TICK_TOPIC)
    subscribe(events, DELIVERIES, DELIVERY_TOPIC)
    return Stream(
        events,
        desk.database.dsn,
        tmp_path / "log",
        *(*ALL, "--mail-subscription", DELIVERIES),
        EMAIL_FROM=FROM,
        RESEND_API_KEY=KEY,
        RESEND_BASE_URL=provider.base_url,
        BRAND_NAME="Acme",
        BRAND_URL="https://acme.test",
    )


def test_every_graph_runs_and_one_that_ends_is_started_again_beside_the_others(
    desk: Desk, events: Broker, with_mail: Stream, provider: ResendServer
) -> None:
    with with_mail as supervisor:
        wait_for_log(supervisor, lambda log: log.count("reading") == 3, "all graphs read")
        started = processes(supervisor)
        assert [graph for graph, _ in started] == ["fanout", "jobs", "mail"]
        wait_until(
            lambda: (
                {job for (job,) in desk.rows("SELECT job FROM fanout.job_runs")}
                == {name for name, job in JOBS.items() if job.needs == OF_JOBS}
            ),
            seconds=30,
            what="each job was ticked",
        )
        wait_until(
            lambda: desk.rows("SELECT channel FROM fanout.channels") == [("email",)],
            seconds=30,
            what="mail is switched on",
        )
        os.kill(started[1][1], signal.SIGKILL)
        wait_for_log(supervisor, lambda log: log.count("reading") == 4, "the killed graph is back")
        assert "the graph jobs ended with status -9; starting it again in " in supervisor.log
        assert [graph for graph, _ in processes(supervisor)] == ["fanout", "jobs", "mail", "jobs"]
        told = {"affected_user_id": str(U4)}
        event = desk.emit("project_access_granted", told, actor_id=U1, project_id=P1)
        events.publish([message_for(EventId(event))])
        wait_until(
            lambda: desk.ledger().get(event) == "completed", seconds=30, what="the event is done"
        )
        wait_until(
            lambda: desk.rows("SELECT status FROM pending_emails") == [("sent",)],
            seconds=30,
            what="its mail is sent",
        )
        numbers = [number for _, number in processes(supervisor)]
        assert supervisor.stop() == 0
    assert [number for number in numbers if psutil.pid_exists(number)] == []
    # Three ended as asked: the killed one says nothing.
    assert supervisor.log.count("stopped; ") == 3
    assert "killing it" not in supervisor.log
    assert len(provider.accepted) == 1
    graphs = desk.rows("SELECT graph FROM fanout.graphs ORDER BY graph")
    assert graphs == [("fanout",), ("jobs",), ("mail",)]


def test_no_graph_outlives_a_supervisor_that_is_killed(supervisor: Stream) -> None:
    with supervisor:
        wait_for_log(supervisor, lambda log: len(STARTED.findall(log)) >= 3, "all graphs start")
        assert {graph for graph, _ in processes(supervisor)} == {"fanout", "jobs", "reactions"}
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
