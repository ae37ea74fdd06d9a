"""Replay: the plan, what it publishes when applied, and that no row is written twice."""

import argparse
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from pipeline.clients.pubsub.publish import get_publisher
from pipeline.commands.replay import add
from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import InvalidEvent, UsageError
from pipeline.domain.identifiers import AI_USER, EventId, EventType, UserId
from pipeline.domain.message import Message, message_for
from pipeline.fanout.decide import Policy
from pipeline.fanout.effects import Channel
from pipeline.fanout.handlers import HANDLERS
from pipeline.fanout.outcome import Status
from pipeline.ops.replay.follow import follow
from pipeline.ops.replay.messages import Marks, replay_messages
from pipeline.ops.replay.plan import Plan, make_plan
from pipeline.ops.replay.publication import Order, Replay, apply
from pipeline.ops.replay.rate import TokenBucket
from pipeline.ops.replay.selector import Selector
from pipeline.ops.switches.change import pause, resume
from pipeline.settings import DatabaseSettings
from pipeline.sinks.dead_letters import write_dead_letters
from pipeline.sinks.ledger import mark_dead
from tests.builders import NOON
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, T1, U1, U2, U4
from tests.programs import Program
from tests.streams import SUBSCRIPTION, TOPIC, Broker, Stream, broker

APPLY: Final = ("--apply", "--topic", TOPIC)
DAY: Final = timedelta(hours=24)
EVERYTHING: Final = Selector(since=datetime(2000, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator at a console. The stream of the stage reads a topic of an emulator."""

    stage: Stage
    broker: Broker

    def replay(self, selector: Selector, *, ignore_age: bool = False, rate: float = 500) -> Replay:
        """Apply a replay within this process."""
        order = Order(selector=selector, topic=TOPIC, rate=rate, ignore_age=ignore_age)
        settings = DatabaseSettings(dsn=self.stage.database.operator_dsn)
        return apply(settings, order, threading.Event())

    def start(self, *arguments: str, dsn: str | None = None) -> Program:
        """Run the command."""
        environment = os.environ | {"DATABASE_URL": dsn or self.stage.database.operator_dsn}
        return Program("pipeline", "replay", *arguments, environment=environment)

    def run(self, *arguments: str) -> tuple[list[str], dict[str, Any]]:
        """Run the command; return the lines of its output, and the last line as JSON."""
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
        *lines, summary = output.splitlines()
        return lines, json.loads(summary)

    def refusal(self, *arguments: str, dsn: str | None = None, status: int = 1) -> str:
        """Run the command; return the one line that it prints."""
        process = self.start(*arguments, dsn=dsn)
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, output) == (status, "")
        assert errors.count("\n") == 1
        return errors.removeprefix("pipeline replay: ").rstrip()

    def published(self) -> list[Message]:
        """Pull all messages that are on the topic now."""
        return self.broker.take(SUBSCRIPTION)

    def records(self) -> list[tuple[Any, ...]]:
        """Every recorded replay."""
        return self.stage.rows(
            "SELECT who, selector, note, planned, published, result, finished_at >= started_at"
            " FROM fanout_replays ORDER BY started_at"
        )


@pytest.fixture
def operator(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    """An operator whose programs talk to the emulator."""
    with broker() as made:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", made.emulator.address)
        get_publisher.cache_clear()
        yield Operator(stage, made)
        get_publisher().stop()
        get_publisher.cache_clear()


def upload(stage: Stage, file_name: object = "plan.pdf", age: timedelta = timedelta(0)) -> int:
    return stage.emit(
        "document_uploaded",
        {"fileName": file_name},
        age=age,
        actor_id=U1,
        project_id=P1,
        resource_id=R1,
    )


def fix(stage: Stage) -> None:
    """The application corrects the payloads that nobody could read."""
    stage.execute(
        """UPDATE domain_events SET payload = '{"fileName": "fixed.pdf"}'"""
        " WHERE payload ->> 'fileName' = '[]'"
    )


def plan(stage: Stage, selector: Selector = EVERYTHING, *, ignore_age: bool = False) -> Plan:
    """Make the plan with the operator's role."""
    settings = DatabaseSettings(dsn=stage.database.operator_dsn)
    return make_plan(settings, HANDLERS, Policy(), selector, ignore_age=ignore_age)


def contents(stage: Stage) -> dict[str, list[str]]:
    """Every row of every table except messages_seen."""
    tables = stage.rows(
        "SELECT schemaname || '.' || tablename FROM pg_tables"
        " WHERE schemaname IN ('public', 'fanout') AND tablename <> 'messages_seen'"
    )
    return {
        name: [row for (row,) in stage.rows(f"SELECT t::text FROM {name} AS t ORDER BY 1")]  # noqa: S608 - names from the catalog
        for (name,) in tables
    }


def exempt(stage: Stage, *events: int) -> None:
    """Exempt these events from the age limit."""
    stage.execute(
        "INSERT INTO fanout.age_exemptions (event_id, replay_id)"
        " SELECT id, gen_random_uuid() FROM unnest(%s::bigint[]) AS wanted (id)",
        list(events),
    )


def exempted(stage: Stage) -> list[tuple[Any, ...]]:
    return stage.rows("SELECT event_id, replay_id FROM fanout.age_exemptions ORDER BY 1")


def open_letters(stage: Stage) -> list[tuple[Any, ...]]:
    return stage.rows(
        "SELECT event_id, attempt FROM event_dead_letters WHERE resolved_at IS NULL ORDER BY 1"
    )


def fingerprint(stage: Stage) -> str:
    ((found,),) = stage.rows("SELECT DISTINCT fingerprint FROM event_dead_letters")
    return str(found)


def ids(messages: list[Message]) -> list[int]:
    return sorted(int(each.attributes["id"]) for each in messages)


def test_a_plan_tells_what_would_follow_by_type_and_channel(stage: Stage) -> None:
    stage.deliver(upload(stage))
    told = upload(stage)
    upload(stage)
    upload(stage, [])
    upload(stage, age=timedelta(hours=25))
    stage.emit("chat_message_sent", {}, actor_id=U1, project_id=P1, thread_id=T1)
    stage.emit("moon_rose")
    stage.execute(
        "INSERT INTO notifications (user_id, event_id, title) VALUES (%s, %s, 'theirs')", U2, told
    )
    found = plan(stage)
    uploads = found.types["document_uploaded"]
    assert (found.events, uploads.complete) == (6, 1)
    assert uploads.states == {Status.COMPLETED: 2, Status.DEAD: 1, Status.EXPIRED: 1}
    assert uploads.create == {Channel.IN_APP: 3, Channel.EMAIL: 4}
    assert uploads.present == {Channel.IN_APP: 1}
    assert found.types["chat_message_sent"].create == {Channel.IN_APP: 2}
    assert found.types["moon_rose"].states == {Status.UNROUTED: 1}
    assert found.causes == {"InvalidEvent in decode: payload: fileName: a string is needed": 1}


def test_what_a_plan_foresees_is_what_a_delivery_then_writes(stage: Stage) -> None:
    upload(stage)
    stage.emit("chat_message_sent", {}, actor_id=U1, project_id=P1, thread_id=T1)
    stage.emit("chat_message_sent", {}, actor_id=U2, project_id=P1, thread_id=T1)
    found = plan(stage)
    stage.deliver()
    assert stage.rows(
        "SELECT event_type, sum(notifications)::int, sum(emails)::int FROM notification_processing"
        " GROUP BY 1 ORDER BY 1"
    ) == [
        (name, each.create[Channel.IN_APP], each.create[Channel.EMAIL])
        for name, each in sorted(found.types.items())
    ]
    again = plan(stage)
    assert again.events == 0
    assert {name: each.complete for name, each in again.types.items()} == {
        "document_uploaded": 1,
        "chat_message_sent": 2,
    }


def test_a_replay_says_how_far_it_is(operator: Operator) -> None:
    upload(operator.stage)
    upload(operator.stage)
    told: list[tuple[int, int]] = []
    settings = DatabaseSettings(dsn=operator.stage.database.operator_dsn)
    order = Order(selector=EVERYTHING, topic=TOPIC, rate=10)
    stop = threading.Event()
    replay = apply(settings, order, stop, report=lambda *given: told.append(given))
    assert told == [(0, 2), (1, 2), (2, 2)]
    told.clear()
    operator.stage.deliver()
    wait = timedelta(seconds=30)
    follow(settings, replay, stop, idle_timeout=wait, report=lambda *given: told.append(given))
    assert (told[0], told[-1]) == ((0, 2), (2, 2))


def test_events_that_are_dead_of_one_cause_are_told_as_one_whatever_the_numbers(
    operator: Operator,
) -> None:
    stage = operator.stage
    first, second = upload(stage), upload(stage)
    replay = operator.replay(EVERYTHING)
    letters = [
        DeadLetter.of_event(EventId(event), None, "decode", InvalidEvent(f"item {event}: no"))
        for event in (first, second)
    ]
    foreseen = Plan()
    foreseen.add_dead(letters)
    assert foreseen.causes == {"InvalidEvent in decode: item #: no": 2}
    write_dead_letters(DatabaseSettings(dsn=stage.database.writer_dsn), None, letters, mark_dead)
    settings = DatabaseSettings(dsn=stage.database.operator_dsn)
    wait = timedelta(seconds=30)
    ends = follow(settings, replay, threading.Event(), idle_timeout=wait)
    ((cause, number),) = ends.causes.items()
    assert (cause.message, number) == ("item #: no", 2)


def test_a_plan_leaves_out_the_system_users_that_the_stream_leaves_out(operator: Operator) -> None:
    stage = operator.stage
    upload(stage)
    told, _ = operator.run("--missing")
    assert "document_uploaded               in_app        2              -" in told
    fewer, _ = operator.run("--missing", "--system-user", str(U2))
    assert "document_uploaded               in_app        1              -" in fewer
    stage.policy = Policy(system_users=frozenset({AI_USER, UserId(U2)}))
    stage.deliver()
    assert [row.user for row in stage.notifications()] == [U4]


def test_a_plan_changes_no_table_and_publishes_nothing(operator: Operator) -> None:
    stage = operator.stage
    stage.deliver(upload(stage), upload(stage, []))
    upload(stage, age=timedelta(hours=25))
    upload(stage)
    before = contents(stage)
    _, summary = operator.run("--since", "7d", "--ignore-age")
    assert (summary["replay"], summary["planned"], summary["published"]) == (None, 3, 0)
    assert contents(stage) == before
    assert operator.published() == []


@pytest.fixture
def columns(monkeypatch: pytest.MonkeyPatch) -> int:
    """The width of the terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    return 80


def test_the_table_of_a_plan_fits_its_terminal_and_says_what_cannot_be(
    operator: Operator, columns: int
) -> None:
    stage = operator.stage
    stage.deliver(upload(stage), upload(stage, []))
    upload(stage, age=timedelta(hours=25))
    stage.emit("moon_rose")
    lines, summary = operator.run("--since", "7d")
    assert max(map(len, lines)) <= columns
    shown = " ".join(" ".join(lines).split())
    for words in (
        "1 already complete: a replay writes nothing for them.",
        "1 too old: only recorded as expired. --ignore-age completes them.",
        "1 without a handler",
        "1 dead again: 1 x InvalidEvent in decode: payload: fileName: a string is",
        "3 messages would be published; nothing was changed. To publish them: python -m",
    ):
        assert words in shown
    assert summary["planned"] == 3


def command_of(lines: list[str]) -> list[str]:
    """The command at the end of a plan, as a shell with a TOPIC variable reads it."""
    start = next(at for at, line in enumerate(lines) if line.startswith("  python -m pipeline"))
    words = subprocess.run(
        ["/bin/sh", "-c", "\n".join(lines[start:]).replace("python -m pipeline", "printf '%s\\n'")],
        env={"TOPIC": TOPIC},
        capture_output=True,
        text=True,
        check=True,
    )
    return words.stdout.splitlines()


@pytest.mark.parametrize(
    "asked",
    [
        ["--event", "1"],
        ["--missing", "--since", "2026-03-02T18:00:00+00:00"],
        ["--type", "document_uploaded", "--until", "2100-01-01T00:00:00+00:00", "--missing"],
        ["--type", "it's; touch x", "--since", "2000-01-01T00:00:00+00:00"],
        ["--missing", "--ignore-age", "--rate", "20", "--note", 'a "note" of $HOME'],
        ["--missing", "--wait", "5m"],
        ["--missing", "--no-wait"],
    ],
    ids=" ".join,
)
def test_a_plan_ends_with_the_command_that_applies_it(
    operator: Operator, asked: list[str], columns: int
) -> None:
    operator.stage.emit("it's; touch x")
    upload(operator.stage)
    lines, _ = operator.run(*asked)
    assert max(map(len, lines)) <= columns
    assert lines[-1].endswith('--apply --topic "$TOPIC"')
    name, *words = command_of(lines)
    assert name == "replay"
    assert parser().parse_args(["replay", *words]) == parser().parse_args(
        ["replay", *asked, *APPLY]
    )


def test_the_command_of_a_plan_publishes_what_was_planned(operator: Operator, columns: int) -> None:
    for _ in range(40):
        upload(operator.stage)
    ids_asked = [
        str(event_id) for (event_id,) in operator.stage.rows("SELECT id FROM domain_events")
    ]
    lines, summary = operator.run("--event", *ids_asked)
    assert max(map(len, lines)) <= columns
    _, applied = operator.run(*command_of(lines)[1:])
    assert applied["published"] == summary["planned"] == 40


def test_a_plan_in_json_says_what_the_table_says_and_how_to_apply_it(operator: Operator) -> None:
    stage = operator.stage
    stage.deliver(upload(stage), upload(stage, []))
    upload(stage, age=timedelta(hours=25))

    lines, plan = operator.run("--since", "7d", "--json")

    assert lines == []
    assert (plan["replay"], plan["planned"], plan["published"]) == (None, 2, 0)
    [(event_type, uploads)] = plan["types"].items()
    assert event_type == "document_uploaded"
    assert uploads["complete"] == 1
    assert uploads["states"] == {"completed": 0, "expired": 1, "unrouted": 0, "dead": 1}
    [(cause, number)] = plan["causes"].items()
    assert number == 1
    assert cause.startswith("InvalidEvent in decode: ")
    assert plan["nameless"] == 0
    assert plan["apply"].endswith('--apply --topic "$TOPIC"')
    name, *words = command_of([f"  {plan['apply']}"])
    assert operator.run(*words, "--json")[1]["published"] == 2
    assert name == "replay"


def test_a_long_note_is_not_broken(operator: Operator) -> None:
    upload(operator.stage)
    note = "it's a long story, " * 10
    lines, _ = operator.run("--missing", "--note", note)
    assert parser().parse_args(command_of(lines)).note == note


def test_how_long_ago_means_in_the_command_when_it_was_in_the_plan(operator: Operator) -> None:
    upload(operator.stage, age=timedelta(hours=1))
    lines, _ = operator.run("--since", "2h", "--topic", "projects/p/topics/t")
    command = parser().parse_args(command_of(lines))
    assert timedelta(hours=2) <= datetime.now(UTC) - command.since < timedelta(hours=2, minutes=1)
    assert command.topic == "projects/p/topics/t"


def test_one_message_is_one_message_and_for_none_there_is_no_command(operator: Operator) -> None:
    event_id = upload(operator.stage)
    lines, _ = operator.run("--event", str(event_id))
    assert "1 message would be published; nothing was changed." in lines
    operator.stage.deliver()
    lines, _ = operator.run("--event", str(event_id))
    assert lines[-1] == "0 messages would be published; nothing was changed."


def test_a_fixed_group_is_replayed_creates_what_was_missing_and_resolves_its_letters(
    operator: Operator,
) -> None:
    stage = operator.stage
    broken = [upload(stage, []) for _ in range(3)]
    good = upload(stage)
    stage.deliver()
    assert open_letters(stage) == [(event_id, 1) for event_id in broken]
    before = stage.notifications()
    fix(stage)
    _, summary = operator.run("--fingerprint", fingerprint(stage), *APPLY)
    assert (summary["planned"], summary["published"]) == (3, 3)
    messages = operator.published()
    assert ids(messages) == broken
    assert {each.attributes["replay"] for each in messages} == {summary["replay"]}
    stage.deliver_messages(messages * 2)
    assert open_letters(stage) == []
    assert stage.rows("SELECT DISTINCT resolution FROM event_dead_letters") == [("written",)]
    assert stage.ledger() == dict.fromkeys([*broken, good], "completed")
    assert [(row.event, row.user) for row in stage.notifications() if row not in before] == [
        (event_id, user) for event_id in broken for user in sorted((U2, U4))
    ]
    assert "fingerprint" in operator.refusal("--fingerprint", fingerprint(stage))


def test_a_replayed_row_is_the_message_that_change_data_capture_sent(operator: Operator) -> None:
    event_id = upload(operator.stage)
    operator.replay(Selector(events=(event_id,)))
    (sent,) = operator.published()
    (captured,) = operator.stage.messages(event_id)
    assert sent.data == captured.data
    replay = sent.attributes["replay"]
    assert sent.attributes == {
        **captured.attributes,
        "replay": replay,
        "dedup_id": f"{event_id}:{replay}",
        "created_at": sent.attributes["created_at"],
    }
    assert sent.attributes["created_at"] > captured.attributes["created_at"]


def test_a_letter_that_fails_again_gains_an_attempt_and_stays_one(operator: Operator) -> None:
    stage = operator.stage
    broken = upload(stage, [])
    stage.deliver()
    for attempt in (2, 3):
        operator.replay(Selector(dead_letters=True))
        stage.deliver_messages(operator.published())
        assert open_letters(stage) == [(broken, attempt)]
    assert stage.rows("SELECT count(*) FROM event_dead_letters") == [(1,)]


def test_a_letter_without_a_row_is_sent_once_more_and_is_foreseen_to_fail(
    operator: Operator,
) -> None:
    stage = operator.stage
    stage.visible_within = timedelta(0)
    # An id that no sequence reaches in these tests.
    event_id = 6_000_000_000
    stage.deliver_messages([Message(b"as it came", {"id": str(event_id), "note": "kept"})])
    foreseen = plan(stage, Selector(dead_letters=True))
    assert foreseen.causes == {"UnknownEvent in fetch: domain_events has no row with this id": 1}
    assert foreseen.ending(Status.DEAD) == foreseen.events == 1
    for attempt in (2, 3):
        operator.replay(Selector(events=(event_id,)))
        (sent,) = operator.published()
        assert sent.data == str(event_id).encode()
        assert set(sent.attributes) == {"id", "replay", "dedup_id", "created_at"}
        stage.deliver_messages([sent])
        assert open_letters(stage) == [(event_id, attempt)]


def test_a_letter_without_a_row_is_completed_once_there_is_one(operator: Operator) -> None:
    stage = operator.stage
    stage.visible_within = timedelta(0)
    late = 6_000_000_001
    stage.deliver_messages([message_for(EventId(late))])
    assert open_letters(stage) == [(late, 1)]
    stage.execute("UPDATE domain_events SET id = %s WHERE id = %s", late, upload(stage))
    operator.replay(Selector(dead_letters=True))
    stage.deliver_messages(operator.published())
    assert (open_letters(stage), stage.ledger()) == ([], {late: "completed"})


def test_a_letter_that_names_no_event_is_counted_and_not_sent(operator: Operator) -> None:
    operator.stage.deliver_messages([Message(b"{}", {"event_type": "moon_rose"})])
    assert plan(operator.stage, Selector(dead_letters=True)).nameless == 1
    replay = operator.replay(Selector(dead_letters=True))
    assert (replay.planned, replay.published) == (0, 0)


def test_a_completed_event_is_not_sent_again_and_would_change_nothing(operator: Operator) -> None:
    stage = operator.stage
    chat = stage.emit("chat_message_sent", {}, actor_id=U1, project_id=P1, thread_id=T1)
    completed = [chat, upload(stage)]
    stage.deliver(*completed)
    before = contents(stage)
    replay = operator.replay(Selector(events=(chat,)), ignore_age=True)
    assert (replay.planned, replay.published) == (0, 0)
    assert operator.published() == []
    exempt(stage, *completed)
    marks = Marks(str(replay.id))
    stage.deliver_messages(list(replay_messages(map(EventId, completed), marks)))
    after = contents(stage)
    assert len(after.pop("public.fanout_replays")) == len(before.pop("public.fanout_replays")) + 1
    assert len(after.pop("fanout.age_exemptions")) == 2
    assert before.pop("fanout.age_exemptions") == []
    assert after == before


def test_missing_means_without_a_final_state_in_the_ledger(operator: Operator) -> None:
    stage = operator.stage
    stage.deliver(
        upload(stage),
        upload(stage, []),
        upload(stage, age=timedelta(hours=25)),
        stage.emit("moon_rose"),
    )
    missing = [upload(stage), upload(stage)]
    assert operator.replay(Selector(missing=True)).published == 2
    messages = operator.published()
    assert ids(messages) == missing
    stage.deliver_messages(messages)
    assert plan(stage, Selector(missing=True)).events == 0


def test_conditions_are_all_to_be_met(stage: Stage) -> None:
    upload(stage, age=timedelta(hours=3))
    moon = stage.emit("moon_rose", age=timedelta(hours=3))
    upload(stage, [], age=timedelta(hours=1))
    stage.deliver(moon)
    now = datetime.now(UTC)
    two_hours_ago = now - timedelta(hours=2)
    uploads = EventType("document_uploaded")
    assert plan(stage, Selector(event_type=uploads)).events == 2
    assert plan(stage, Selector(event_type=uploads, since=two_hours_ago)).events == 1
    assert plan(stage, Selector(event_type=uploads, until=two_hours_ago)).events == 1
    assert plan(stage, Selector(since=now - DAY, until=two_hours_ago, missing=True)).events == 1
    stage.deliver()
    assert plan(stage, Selector(dead_letters=True, since=two_hours_ago)).events == 1
    assert plan(stage, Selector(dead_letters=True, until=two_hours_ago)).events == 0
    unrouted = plan(stage, Selector(unrouted=True))
    assert unrouted.ids == [moon]


def test_old_events_are_completed_when_the_operator_insists(operator: Operator) -> None:
    stage = operator.stage
    old = upload(stage, age=timedelta(hours=25))
    stage.deliver(old)
    by_id = Selector(events=(old,))
    assert plan(stage, by_id).ending(Status.EXPIRED) == 1
    assert plan(stage, by_id, ignore_age=True).ending(Status.COMPLETED) == 1
    operator.replay(by_id)
    stage.deliver_messages(operator.published())
    assert stage.ledger() == {old: "expired"}
    operator.replay(by_id, ignore_age=True)
    stage.deliver_messages(operator.published())
    assert stage.ledger() == {old: "completed"}
    assert {row.user for row in stage.notifications()} == {U2, U4}
    assert operator.records()[-1][1] == {"event": [old], "ignore-age": True}


def test_nothing_that_a_message_says_lifts_the_age_limit(stage: Stage) -> None:
    old = upload(stage, age=timedelta(hours=25))
    (captured,) = stage.messages(old)
    young = b'{"created_at": "2100-01-01T00:00:00Z", "ignore_age": true}'
    claimed = {"created_at": "2100-01-01T00:00:00Z", "ignore_age": "1", "replay": "r"}
    stage.deliver_messages([Message(young, {**captured.attributes, **claimed})])
    assert stage.ledger() == {old: "expired"}


def test_only_the_events_that_were_replayed_so_are_exempt_from_the_age_limit(
    operator: Operator,
) -> None:
    stage = operator.stage
    old, other = (upload(stage, age=timedelta(hours=25)) for _ in range(2))
    replay = operator.replay(Selector(events=(old,)), ignore_age=True)
    assert exempted(stage) == [(old, replay.id)]
    operator.replay(Selector(missing=True), ignore_age=False)
    assert exempted(stage) == [(old, replay.id)]
    stage.deliver_messages(operator.published())
    assert stage.ledger() == {old: "completed", other: "expired"}


def test_an_exemption_is_recorded_once_before_anything_is_published(operator: Operator) -> None:
    stage = operator.stage
    old = upload(stage, age=timedelta(hours=25))
    process = operator.start(
        *("--event", str(old), "--ignore-age", "--apply", "--topic", f"{TOPIC}-missing")
    )
    process.communicate(timeout=60)
    assert process.returncode == 1
    ((event_id, first),) = exempted(stage)
    assert event_id == old
    operator.replay(Selector(events=(old,)), ignore_age=True)
    assert exempted(stage) == [(old, first)]
    stage.deliver_messages(operator.published())
    assert stage.ledger() == {old: "completed"}


def test_an_old_event_that_is_exempt_is_completed_by_whatever_wakes_it(stage: Stage) -> None:
    old, other = (upload(stage, age=timedelta(hours=25)) for _ in range(2))
    exempt(stage, old)
    stage.deliver()
    assert stage.ledger() == {old: "completed", other: "expired"}


def test_the_messages_of_a_replay_differ_by_its_mark_and_its_time() -> None:
    first, again = (
        next(replay_messages([EventId(1)], Marks(name, at=at)))
        for name, at in (("first", NOON), ("again", NOON + DAY))
    )
    assert again == Message(
        b"1",
        {
            "id": "1",
            "replay": "again",
            "dedup_id": "1:again",
            "created_at": "2026-03-03T12:00:00.000000Z",
        },
    )
    assert first.dedup_key == "1:first"


@pytest.mark.parametrize(("rate", "size"), [(500.0, 50), (3.0, 1), (0.5, 1), (20_000.0, 1000)])
@pytest.mark.parametrize("seconds_a_request", [0.0, 0.01])
def test_the_rate_is_kept_and_never_exceeded(
    rate: float, size: int, seconds_a_request: float
) -> None:
    now = [100.0]
    bucket = TokenBucket(rate, size, clock=lambda: now[0])
    sent_at = []
    for _ in range(200):
        now[0] += bucket.take(size)
        sent_at.append(now[0])
        now[0] += min(seconds_a_request, size / rate / 2)
    for first in range(0, 200, 20):
        elapsed = sent_at[-1] - sent_at[first]
        assert (200 - first - 1) * size <= rate * elapsed + size
    assert 200 * size / (sent_at[-1] - sent_at[0]) == pytest.approx(rate, rel=0.02)


def test_a_replay_takes_the_time_that_its_rate_asks_for(operator: Operator) -> None:
    for _ in range(60):
        upload(operator.stage)
    replay = operator.replay(Selector(missing=True), rate=50)
    # The first request, a tenth of a second's worth, goes out at once.
    assert replay.seconds >= (60 - 5) / 50
    assert replay.published == len(operator.published()) == 60


def test_a_replay_that_is_interrupted_stops_cleanly_and_says_how_far_it_got(
    operator: Operator,
) -> None:
    total = 2_000
    operator.stage.execute(
        "INSERT INTO domain_events (event_type) SELECT 'moon_rose' FROM generate_series(1, %s)",
        total,
    )
    messages: list[Message] = []

    def some_are_published() -> bool:
        messages.extend(operator.published())
        return bool(messages)

    with operator.start("--missing", *APPLY, "--rate", "100") as process:
        wait_until(some_are_published, seconds=30, what="the first messages are published")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    summary = json.loads(output)
    sent = summary["published"]
    messages.extend(operator.published())
    assert process.returncode == 130
    assert 0 < sent < total
    assert sent == len(messages)
    assert errors == f"stopped: sent {sent:,} of 2,000 messages\n"
    assert operator.records() == [
        ("test_operator", {"missing": True}, None, total, sent, "stopped", True)
    ]


def test_who_replayed_what_and_why_is_recorded(operator: Operator) -> None:
    broken = upload(operator.stage, [])
    operator.stage.deliver(broken)
    cause = fingerprint(operator.stage)
    since = "2026-03-02T18:00:00+00:00"
    operator.run("--fingerprint", cause, "--since", since, *APPLY, "--note", "after the fix")
    assert operator.records() == [
        (
            "test_operator",
            {"fingerprint": cause, "since": since},
            "after the fix",
            1,
            1,
            "published",
            True,
        )
    ]


def test_the_record_cannot_be_forged(stage: Stage) -> None:
    with psycopg.connect(stage.database.operator_dsn, autocommit=True) as connection:
        for statement in (
            b"INSERT INTO fanout_replays (id, who) VALUES (gen_random_uuid(), 'someone else')",
            b"UPDATE fanout_replays SET who = 'someone else'",
            b"UPDATE fanout_replays SET selector = '{}'",
            b"DELETE FROM fanout_replays",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_a_topic_that_does_not_exist_is_one_line_and_recorded(operator: Operator) -> None:
    event_id = upload(operator.stage)
    process = operator.start("--event", str(event_id), "--apply", "--topic", f"{TOPIC}-missing")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    failure = f"{TOPIC}-missing does not exist: create it, or correct its name"
    assert errors.splitlines()[-1] == f"pipeline replay: {failure}"
    assert "failed after 0 of 1 message" in errors
    assert "Traceback" not in errors
    assert operator.records()[0][3:] == (1, 0, f"failed: {failure}", True)


def test_who_may_not_replay_is_told_as_whom_to_connect(operator: Operator) -> None:
    event_id = upload(operator.stage)
    assert operator.refusal(
        "--event", str(event_id), *APPLY, dsn=operator.stage.database.writer_dsn
    ) == ("this user may not replay: connect as a member of fanout_operator")
    assert operator.published() == []


def test_an_event_that_does_not_exist_is_named(operator: Operator) -> None:
    known = upload(operator.stage)
    assert operator.refusal("--event", str(known), "98", "--event", "99") == (
        "no event and no open dead letter has the id 98, 99"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "say which events"),
        (["--event", "1", "--type", "x"], "--event already names the events: remove --type"),
        (["--missing", "--dead-letters"], "--missing and --dead-letters exclude each other"),
        (["--missing", "--fingerprint", "x"], "--missing and --fingerprint exclude each other"),
        (["--unrouted", "--missing"], "--unrouted and --missing exclude each other"),
        (["--until", "2h"], "add --since"),
        (["--since", "1h", "--until", "2h"], "--since must be before --until"),
        (["--missing", "--apply"], "--apply needs --topic projects/P/topics/T"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_what_makes_no_sense_is_refused_in_one_line(arguments: list[str], words: str) -> None:
    options = parser().parse_args(["replay", *arguments])
    # No database answers there: what is refused here needs none.
    options.database = DatabaseSettings(dsn="postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(UsageError) as refused:
        options.execute(options)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--missing", "--plan", "--apply"],
        ["--event", "abc"],
        ["--event", "0"],
        ["--missing", "--topic", "events"],
        ["--missing", "--apply", "--topic", "events"],
        ["--missing", "--rate", "0"],
        ["--missing", "--rate", "nan"],
        ["--missing", "--max-event-age-hours", "inf"],
        ["--since", "yesterday"],
        ["--missing", "--system-user", "ann"],
        ["--missing", "--wait", "long"],
        ["--missing", "--wait", "--no-wait"],
    ],
    ids=" ".join,
)
def test_an_argument_that_is_none_is_answered_with_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parser().parse_args(["replay", *arguments])
    assert "error: argument --" in capsys.readouterr().err


def parser() -> argparse.ArgumentParser:
    """A command line with this one command."""
    whole = argparse.ArgumentParser()
    add(whole.add_subparsers())
    return whole


def test_arguments_that_do_not_fit_together_are_one_line_and_status_2(operator: Operator) -> None:
    assert operator.refusal(status=2).startswith("say which events: --event, ")


def test_a_selector_says_of_itself_only_what_was_asked() -> None:
    asked = Selector(missing=True, since=NOON)
    assert asked.description == {"since": "2026-03-02T12:00:00+00:00", "missing": True}
    with pytest.raises(UsageError, match="say which events"):
        Selector()


def test_a_running_stream_completes_what_is_replayed(operator: Operator, tmp_path: Path) -> None:
    stage = operator.stage
    broken, lost = upload(stage, []), upload(stage)
    stage.deliver(broken)
    fix(stage)
    with Stream(operator.broker, stage.database.writer_dsn, tmp_path / "log") as stream:
        operator.replay(Selector(fingerprint=fingerprint(stage)))
        operator.replay(Selector(missing=True))
        wait_until(
            lambda: stage.ledger() == {broken: "completed", lost: "completed"},
            seconds=30,
            what="both are completed",
        )
        assert stream.stop() == 0
    assert open_letters(stage) == []
    assert len(stage.notifications()) == 4


INVALID: Final = "InvalidEvent in decode: payload: fileName: a string is needed"


def test_who_waits_is_told_what_became_of_each_event(operator: Operator, tmp_path: Path) -> None:
    stage = operator.stage
    broken = [upload(stage, []) for _ in range(3)]
    stage.deliver(*broken)
    good, old, moon = upload(stage), upload(stage, age=DAY * 2), stage.emit("moon_rose")
    with Stream(operator.broker, stage.database.writer_dsn, tmp_path / "log"):
        process = operator.start("--since", "7d", *APPLY, "--wait")
        output, errors = process.communicate(timeout=60)
        fix(stage)
        fixed = operator.start("--dead-letters", *APPLY, "--wait", "--json")
        better, errors = fixed.communicate(timeout=60)
    assert (process.returncode, errors) == (1, "")
    line, summary = output.splitlines()
    assert line == f"6 published: 1 completed, 1 expired, 1 unrouted, 3 dead (1 cause: {INVALID})"
    became = json.loads(summary)["became"]
    ((cause,), became["causes"]) = (became["causes"], [])
    assert became == {
        "completed": 1, "expired": 1, "unrouted": 1, "dead": 3, "paused": 0, "unfinished": 0,
        "causes": [],
    }  # fmt: skip
    assert (cause["events"], cause["error_class"]) == (3, "InvalidEvent")
    assert stage.ledger() == dict.fromkeys([*broken, good], "completed") | {
        old: "expired",
        moon: "unrouted",
    }
    # The control of the exit status: nothing is dead again.
    assert (fixed.returncode, errors) == (0, "")
    assert json.loads(better)["became"]["completed"] == 3


def test_what_an_event_was_before_the_replay_is_not_what_became_of_it(operator: Operator) -> None:
    stage = operator.stage
    broken, moon = upload(stage, []), stage.emit("moon_rose")
    stage.deliver()
    # No stream reads the published messages.
    process = operator.start("--event", str(broken), str(moon), *APPLY, "--wait", "1s")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, "")
    line, summary = output.splitlines()
    assert line == (
        "2 published: 0 completed, 2 not done yet: none ended in 1.0 s;"
        " does the stream run, and does it read this topic?"
    )
    assert json.loads(summary)["became"]["unfinished"] == 2


def test_events_that_a_switch_holds_back_are_not_waited_for(
    operator: Operator, tmp_path: Path
) -> None:
    stage = operator.stage
    upload(stage)
    moon = stage.emit("moon_rose")
    settings = DatabaseSettings(dsn=stage.database.operator_dsn)
    pause(settings, "document_uploaded", HANDLERS)
    with Stream(operator.broker, stage.database.writer_dsn, tmp_path / "log"):
        process = operator.start("--since", "7d", *APPLY, "--wait", "60s")
        output, errors = process.communicate(timeout=60)
    resume(settings, "document_uploaded", HANDLERS)
    # The control: the switch is gone, and a new process has never seen it.
    with Stream(operator.broker, stage.database.writer_dsn, tmp_path / "log"):
        again = operator.start("--since", "7d", *APPLY, "--wait", "60s")
        better, errors = again.communicate(timeout=60)
    assert (process.returncode, errors) == (1, "")
    line, summary = output.splitlines()
    assert line == (
        "2 published: 0 completed, 1 unrouted, 1 paused (see: python -m pipeline status)"
    )
    assert json.loads(summary)["became"]["paused"] == 1
    assert (again.returncode, errors) == (0, "")
    assert "1 completed" in better
    assert stage.ledger()[moon] == "unrouted"


def test_a_letter_whose_event_is_gone_is_followed_too(operator: Operator, tmp_path: Path) -> None:
    stage = operator.stage
    gone = upload(stage, [])
    stage.deliver()
    stage.execute("DELETE FROM domain_events WHERE id = %s", gone)
    with Stream(operator.broker, stage.database.writer_dsn, tmp_path / "log"):
        process = operator.start("--dead-letters", *APPLY, "--wait")
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, "")
    assert output.startswith("1 published: 0 completed, 1 dead again (1 cause: UnknownEvent in ")


def test_a_stop_ends_the_waiting_and_says_so(operator: Operator) -> None:
    upload(operator.stage)
    with operator.start("--missing", *APPLY, "--wait") as process:
        published: list[Message] = []

        def is_published() -> bool:
            published.extend(operator.published())
            return bool(published) and operator.records()[0][5] == "published"

        wait_until(is_published, seconds=30, what="it is published")
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (130, "")
    line, summary = output.splitlines()
    assert line == "1 published: 0 completed, 1 not done yet; stopped waiting"
    assert json.loads(summary)["published"] == 1


@pytest.mark.parametrize("asked", [(), ("--no-wait",)], ids=" ".join)
def test_a_person_at_a_terminal_waits_without_being_asked(
    operator: Operator, asked: tuple[str, ...]
) -> None:
    upload(operator.stage)
    ours, theirs = os.openpty()
    with open(ours, "rb", buffering=0), open(theirs, "w") as terminal:  # noqa: PTH123 - no path
        environment = os.environ | {"DATABASE_URL": operator.stage.database.operator_dsn}
        with Program(
            "pipeline", "replay", "--missing", *APPLY, *asked,
            environment=environment, stderr=terminal,
        ) as process:  # fmt: skip
            wait_until(operator.published, seconds=30, what="it is published")
            if asked:
                assert process.wait(20) == 0
            else:
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(2)
