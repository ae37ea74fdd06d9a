"""The traces of a stream as a process: one for each event, at a loopback collector."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from pipeline.domain.identifiers import EventId
from pipeline.domain.message import message_for, microseconds
from tests.collector import Collector, ReceivedSpan, collector
from tests.databases import Databases
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, T1, U1, populate
from tests.programs import Program
from tests.streams import Broker, Stream, broker

CANARY: Final = "canary-7f3a"
# Of the golden world and of this file: a payload, names, an address, ids, a connection string.
PRIVATE: Final = (
    CANARY, "Ann Actor", "Bob Owner", "Tower", "Acme", "x.test", "postgresql:", str(U1), str(P1),
)  # fmt: skip
STAGES: Final = ["capture", "waiting", "fetch", "decode", "decide", "write"]
GONE: Final = 10**12
LOCK_COUNTER: Final = "SELECT id FROM notifications WHERE counter_thread_id IS NOT NULL FOR UPDATE"


def traced(
    stage: Stage, events: Broker, folder: Path, endpoint: str, *, module: str = "pipeline"
) -> Stream:
    """A stream that sends its spans fifty times a second, not started yet."""
    return Stream(
        events,
        stage.database.writer_dsn,
        folder / "log",
        module=module,
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        OTEL_BSP_SCHEDULE_DELAY="20",
    )


def upload(stage: Stage, name: object = CANARY, *, hours: float = 0.01) -> int:
    return stage.emit(
        "document_uploaded",
        {"fileName": name},
        age=timedelta(hours=hours),
        actor_id=U1,
        project_id=P1,
        resource_id=R1,
    )


def send(stage: Stage) -> int:
    return stage.emit("chat_message_sent", {"t": CANARY}, actor_id=U1, project_id=P1, thread_id=T1)


def wait_for(stage: Stage, *completed: int) -> None:
    wanted = dict.fromkeys(completed, "completed").items()
    wait_until(lambda: wanted <= stage.ledger().items(), seconds=30, what=f"completed: {completed}")


@dataclass(frozen=True, slots=True)
class Told:
    """What a stream told a collector of its events.

    Attributes:
        stage: the database.
        traces: the collector.
        ids: the events, by what became of them.
    """

    stage: Stage
    traces: Collector
    ids: dict[str, int]

    def spans(self, name: str) -> list[ReceivedSpan]:
        """Return the spans of an event, by start. All are in one trace, the root first."""
        [spans] = self.traces.traces(self.ids[name]).values()
        assert len({span.id for span in spans}) == len(spans), "a span id was used twice"
        return spans

    def root(self, name: str) -> ReceivedSpan:
        """Return the root. All other spans are below it, and begin and end in order."""
        root, *others = self.spans(name)
        assert (root.name, root.parent) == ("event", "")
        replays = {span.id for span in others if span.name == "replay"}
        assert {span.parent for span in others} <= {root.id, *replays}
        assert all(root.start <= span.start <= span.end for span in others)
        return root

    def stages(self, name: str, parent: str) -> list[str]:
        """Return the names of the spans below another one, by start."""
        return [span.name for span in self.spans(name) if span.parent == parent]

    def wait_for(self, name: str, stage: str, **attributes: object) -> None:
        """Wait until the collector has a span."""
        wanted = {f"fanout.{key}": value for key, value in attributes.items()}.items()
        wait_until(
            lambda: any(
                span.name == stage and wanted <= span.attributes.items()
                for spans in self.traces.traces(self.ids[name]).values()
                for span in spans
            ),
            seconds=30,
            what=f"the event {name} has a span {stage} {dict(wanted)}",
        )


def insert_late(connection: psycopg.Connection[Any]) -> tuple[int, datetime]:
    [(event, created)] = connection.execute(
        "INSERT INTO domain_events (event_type, payload, actor_id, project_id)"
        " VALUES ('document_uploaded', '{}', %s, %s) RETURNING id, created_at",
        [U1, P1],
    )
    return event, created


def play(told: Told, events: Broker) -> None:
    """Let a stream that runs meet events of all kinds."""
    stage, ids = told.stage, told.ids
    gone = message_for(EventId(ids["gone"]), datetime.now(UTC))
    events.publish([gone, *stage.messages()])
    wait_for(stage, ids["done"], ids["again"], ids["counted"])
    with stage.database.connect() as lock, psycopg.connect(stage.database.dsn) as producer:
        lock.execute("BEGIN")
        assert lock.execute(LOCK_COUNTER).fetchall()
        ids["locked"] = send(stage)
        ids["early"], created = insert_late(producer)
        early = message_for(EventId(ids["early"]), created)
        events.publish([early, *stage.messages(ids["locked"], ids["again"])])
        told.wait_for("early", "fetch", outcome="not visible yet")
        producer.commit()
        told.wait_for("locked", "write", **{"batch.size": 1})
    told.wait_for("again", "fetch", outcome="completed before")
    told.wait_for("dead", "event")
    for name in ("first", "second"):
        events.publish([message_for(EventId(ids["dead"]), datetime.now(UTC), replay=name)])
        told.wait_for("dead", "replay", outcome="dead" if name == "first" else "completed")
        stage.execute("UPDATE domain_events SET payload = '{}' WHERE id = %s", ids["dead"])
    told.wait_for("gone", "event")
    wait_for(stage, ids["early"], ids["locked"])


@pytest.fixture(scope="module")
def told(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A stream has met events of all kinds, and catch-up the one that it never heard of."""
    with databases.migrated() as database, broker() as events, collector() as traces:
        with database.connect() as connection:
            populate(connection)
        stage = Stage(database)
        ids = {
            "done": upload(stage),
            "again": upload(stage),
            "counted": send(stage),
            "expired": upload(stage, hours=48),
            "dead": upload(stage, [CANARY]),
            "unrouted": stage.emit("moon_rose", {"phase": CANARY}),
        }
        told = Told(stage, traces, ids | {"gone": GONE})
        stream = traced(stage, events, tmp_path_factory.mktemp("traces"), traces.endpoint)
        with stream:
            play(told, events)
            told.ids["unseen"] = upload(stage)
            assert stream.stop() == 0
        found = Program("pipeline", "catch-up", environment=stream.environment).completed(30)
        assert found.returncode == 0, found.stderr
        assert "traces:" not in stream.log + found.stderr
        yield told


def test_a_trace_leads_from_the_commit_through_each_stage_to_the_row(told: Told) -> None:
    root, *others = told.spans("done")
    assert told.root("done") == root
    assert [span.name for span in others] == STAGES
    assert not any(span.failed for span in (root, *others))
    assert all(before.end <= after.end <= root.end for before, after in pairwise(others))
    capture, waiting, fetch, *_ = others
    assert capture.end == waiting.start
    assert waiting.end == fetch.start
    event = told.ids["done"]
    assert root.attributes == {
        "fanout.event.id": event,
        "fanout.event.type": "document_uploaded",
        "fanout.outcome": "completed",
    }
    [(created, completed)] = told.stage.rows(
        "SELECT event.created_at, completed_at FROM domain_events AS event JOIN"
        " notification_processing ON event_id = event.id WHERE event_id = %s",
        event,
    )
    assert root.start == microseconds(created) * 1000
    assert root.end >= microseconds(completed) * 1000


def test_a_span_tells_the_size_of_its_batch_and_the_process_its_name(told: Told) -> None:
    sizes = {span.name: span.attributes.get("fanout.batch.size", 0) for span in told.spans("done")}
    assert sizes["capture"] == sizes["waiting"] == sizes["event"] == 0
    assert sizes["fetch"] >= sizes["decode"] >= sizes["decide"] >= sizes["write"] >= 1
    assert {span.resource["service.name"] for span in told.traces.spans} == {"fanout-fanout"}


def test_a_redelivery_adds_to_the_trace_and_ends_it_no_second_time(told: Told) -> None:
    root = told.root("again")
    stages = told.stages("again", root.id)
    assert sorted(stages) == sorted([*STAGES, "capture", "waiting", "fetch"])
    assert [span.name for span in told.spans("again")].count("event") == 1


def test_catch_up_makes_the_same_trace_without_what_pubsub_does(told: Told) -> None:
    root = told.root("unseen")
    assert told.stages("unseen", root.id) == STAGES[2:]
    assert root.attributes["fanout.outcome"] == "completed"


def test_a_dead_letter_ends_the_trace_with_its_cause_and_each_replay_is_a_span_below(
    told: Told,
) -> None:
    root = told.root("dead")
    [(fingerprint,)] = told.stage.rows(
        "SELECT fingerprint FROM event_dead_letters WHERE event_id = %s", told.ids["dead"]
    )
    error = {"error.type": "InvalidEvent", "fanout.error.fingerprint": fingerprint}
    assert root.failed
    assert error.items() <= root.attributes.items()
    [decode, *_] = [span for span in told.spans("dead") if span.name == "decode"]
    assert decode.failed
    assert error.items() <= decode.attributes.items()
    first, second = (span for span in told.spans("dead") if span.name == "replay")
    assert (first.failed, second.failed) == (True, False)
    assert told.stages("dead", first.id) == ["waiting", "fetch", "decode", "bury"]
    assert told.stages("dead", second.id) == ["waiting", "fetch", "decode", "decide", "write"]


def test_a_retry_shows_why_and_stays_in_the_trace(told: Told) -> None:
    root = told.root("locked")
    failed, *_, written = (span for span in told.spans("locked") if span.name == "write")
    assert failed.failed
    assert failed.attributes["error.type"] == "LockTimeout"
    assert not written.failed
    assert not root.failed
    looks = [span for span in told.spans("early") if span.name == "fetch"]
    assert len(looks) == 2
    assert told.root("early").attributes["fanout.outcome"] == "completed"
    assert told.stages("early", told.root("early").id).count("waiting") == 1


@pytest.mark.parametrize("name", ["expired", "unrouted"])
def test_an_event_that_tells_nobody_has_its_trace_too(told: Told, name: str) -> None:
    root = told.root(name)
    assert root.attributes["fanout.outcome"] == name
    assert not root.failed
    # A type without a handler can be any text.
    assert ("fanout.event.type" in root.attributes) == (name == "expired")


def test_a_message_without_a_row_has_a_trace_that_failed(told: Told) -> None:
    assert told.root("gone").attributes["error.type"] == "UnknownEvent"


def test_nothing_of_a_payload_or_a_person_leaves_the_process(told: Told) -> None:
    sent = b"".join(told.traces.bodies)
    assert [each for each in PRIVATE if each.encode() in sent] == []
    # The control: all of it was there to be told.
    read = str(told.stage.rows("SELECT payload, actor_id, project_id FROM domain_events"))
    assert CANARY in read
    assert str(U1) in read
    assert b"document_uploaded" in sent


def test_without_an_endpoint_nothing_is_loaded_and_nothing_is_sent(
    stage: Stage, events: Broker, tmp_path: Path
) -> None:
    loaded = {}
    with collector() as traces:
        for endpoint in ("", traces.endpoint):
            before, event = len(traces.bodies), upload(stage)
            module = "tests.topology.loaded_modules"
            with traced(stage, events, tmp_path, endpoint, module=module) as stream:
                events.publish(stage.messages(event))
                wait_for(stage, event)
                assert stream.stop() == 0
            loaded[endpoint] = json.loads(stream.output.splitlines()[-1])
            # The control is the second time.
            assert (len(traces.bodies) > before) == bool(endpoint)
    assert loaded[""] == []
    assert "opentelemetry.sdk.trace" in loaded[traces.endpoint]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", f"{CANARY}:4318", "expected http://host:4318"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many", "invalid OTEL_BSP_MAX_QUEUE_SIZE 'many'"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "-1", "invalid OTEL_ variable"),
    ],
)
def test_a_variable_that_is_invalid_ends_the_command_in_one_line(
    stage: Stage, name: str, value: str, said: str
) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"} | {name: value}
    environment = os.environ | {"DATABASE_URL": stage.database.writer_dsn} | variables
    done = Program("pipeline", "catch-up", environment=environment).completed(30)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert CANARY not in done.stderr


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


@pytest.mark.parametrize("failure", ["gone", "silent", "failing"])
def test_a_collector_that_fails_holds_up_neither_an_event_nor_a_stop(
    stage: Stage, events: Broker, tmp_path: Path, failure: str
) -> None:
    number = 50
    with ExitStack() as stack:
        traces = stack.enter_context(collector())
        endpoint = traces.endpoint
        if failure == "gone":
            endpoint = f"http://127.0.0.1:{closed_port()}"
        elif failure == "silent":
            traces.answers.clear()
        else:
            traces.status = 500
        sent = [upload(stage) for _ in range(number)]
        with traced(stage, events, tmp_path, endpoint) as stream:
            events.publish(stage.messages(*sent))
            wait_for(stage, *sent)
            started = time.monotonic()
            assert stream.stop() == 0
            took = time.monotonic() - started
        assert f"stopped; {number} acknowledged, 0 given back" in stream.log
        assert stream.log.count("the collector did not confirm") == 1
        assert stream.log.count("does not take all spans") <= 1
        assert took < 8, "two seconds for an idle pull, and two for the spans"


def test_the_test_of_a_silent_collector_notices_a_step_that_waits_for_it(
    stage: Stage, events: Broker, tmp_path: Path
) -> None:
    event = upload(stage)
    weakened = "tests.topology.sending_in_the_step"
    with collector() as traces:
        traces.answers.clear()
        with traced(stage, events, tmp_path, traces.endpoint, module=weakened):
            events.publish(stage.messages(event))
            wait_until(lambda: traces.bodies, seconds=20, what="the first span arrives")
            assert stage.ledger() == {}
            traces.answers.set()
            wait_for(stage, event)
