"""Paused event types and breakers in the graph: which events wait and which continue."""

import json
import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import pytest

from pipeline.domain.breaker import Breaker
from pipeline.domain.identifiers import EventType
from pipeline.facts.switches import Switches, switches_of
from pipeline.fanout.effects import Effect
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person
from pipeline.fanout.handlers import HANDLERS
from pipeline.fanout.handlers.project_access_granted import (
    ProjectAccessGranted,
    ProjectAccessGrantedHandler,
)
from pipeline.ops.switches.change import pause, resume
from pipeline.settings import DatabaseSettings
from pipeline.sources.unfinished import Selection, count_unfinished, read_unfinished
from tests.golden.stage import SIX_MINUTES, Stage
from tests.golden.world import P1, U1, U4

GRANTED: Final = EventType("project_access_granted")
A_DAY: Final = timedelta(hours=24)


class BrokenHandler(ProjectAccessGrantedHandler):
    """Fails on every event, except those of an accepted project."""

    takes = "nothing"

    def decide(
        self, event: Event[ProjectAccessGranted], person: Person, facts: Facts
    ) -> Iterable[Effect]:
        if event.payload.project_name != self.takes:
            raise LookupError
        return super().decide(event, person, facts)


class PickyHandler(BrokenHandler):
    takes = "Tower"


def granted(
    stage: Stage, *, name: str = "Tower", age: timedelta = SIX_MINUTES, person: UUID = U4
) -> int:
    payload = {"affected_user_id": str(person), "project_name": name}
    return stage.emit(GRANTED, payload, age=age, actor_id=U1, project_id=P1)


def operator(stage: Stage) -> DatabaseSettings:
    return DatabaseSettings(dsn=stage.database.operator_dsn)


def hold(stage: Stage) -> None:
    pause(operator(stage), GRANTED, HANDLERS, reason="a test")
    switches_of(stage.settings).forget()


def let_go(stage: Stage) -> None:
    resume(operator(stage), GRANTED, HANDLERS)
    switches_of(stage.settings).forget()


def sweep(stage: Stage) -> list[int]:
    """Run a pass of catch-up; return its events."""
    taken = [
        each.event_id for batch in read_unfinished(stage.settings, Selection()) for each in batch
    ]
    assert count_unfinished(stage.settings, Selection()) == len(taken)
    events = [each for each in taken if each is not None]
    if events:
        stage.deliver(*events)
    return list(events)


def told(stage: Stage) -> list[int]:
    return [each.event for each in stage.notifications()]


def switch(stage: Stage) -> list[tuple[object, ...]]:
    return stage.rows("SELECT name, state, failures FROM fanout.switches")


def cool_off(stage: Stage) -> None:
    """End the time for which the breaker is open."""
    stage.execute("UPDATE fanout.switches SET until = now()")
    switches_of(stage.settings).forget()


def test_events_of_a_paused_type_wait_and_all_others_are_told(stage: Stage) -> None:
    event = granted(stage)
    other = stage.emit("document_uploaded", {"fileName": "a"}, actor_id=U1, project_id=P1)
    hold(stage)
    stage.deliver()
    assert stage.ledger() == {event: "paused", other: "completed"}
    assert set(told(stage)) == {other}
    assert stage.rows("SELECT count(*) FROM event_dead_letters") == [(0,)]
    assert stage.rows(
        "SELECT reason, completed_at, paused_at <= now(), notifications"
        " FROM notification_processing WHERE processing_status = 'paused'"
    ) == [("its event type is paused", None, True, 0)]


def test_they_are_left_alone_while_paused_and_go_on_by_the_sweep_when_resumed(
    stage: Stage,
) -> None:
    event = granted(stage)
    hold(stage)
    stage.deliver()
    assert sweep(stage) == []
    let_go(stage)
    assert sweep(stage) == [event]
    assert stage.ledger() == {event: "completed"}
    assert told(stage) == [event]
    assert sweep(stage) == []


def test_what_was_never_delivered_is_taken_by_the_sweep_and_waits_too(stage: Stage) -> None:
    event = granted(stage)
    hold(stage)
    assert sweep(stage) == [event]
    assert stage.ledger() == {event: "paused"}
    assert sweep(stage) == []


def test_a_redelivery_while_paused_keeps_since_when_it_waits_and_one_afterwards_completes(
    stage: Stage,
) -> None:
    event = granted(stage)
    since = "SELECT paused_at FROM notification_processing"
    hold(stage)
    stage.deliver()
    first = stage.rows(since)
    stage.deliver()
    assert stage.rows(since) == first
    let_go(stage)
    stage.deliver()
    assert stage.ledger() == {event: "completed"}
    hold(stage)
    stage.deliver()
    assert stage.ledger() == {event: "completed"}
    assert told(stage) == [event]


@pytest.mark.parametrize(
    ("paused_hours_ago", "state"), [(2, "completed"), (0, "expired")], ids=["in time", "too late"]
)
def test_an_event_does_not_age_while_it_waits(
    stage: Stage, paused_hours_ago: int, state: str
) -> None:
    event = granted(stage, age=A_DAY + timedelta(hours=1))
    hold(stage)
    stage.deliver()
    stage.execute(
        "UPDATE notification_processing SET paused_at = now() - %s * interval '1 hour'",
        paused_hours_ago,
    )
    let_go(stage)
    stage.deliver()
    assert stage.ledger() == {event: state}


def test_an_event_that_is_told_in_pages_waits_between_them_and_goes_on_where_it_was(
    stage: Stage,
) -> None:
    event = granted(stage)
    stage.execute(
        "INSERT INTO notification_processing"
        " (event_id, event_type, processing_status, told, notifications, emails, skipped)"
        " VALUES (%s, %s, 'processing', ARRAY[NULL, %s]::uuid[], 7, 5, 3)",
        event, GRANTED, U1,
    )  # fmt: skip
    hold(stage)
    stage.deliver()
    assert stage.rows(
        "SELECT processing_status, told[2], notifications, emails FROM notification_processing"
    ) == [("paused", U1, 7, 5)]


def test_a_dry_run_says_paused_and_writes_nothing(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    event = granted(stage)
    hold(stage)
    replace(stage, dry_run=True).deliver()
    shown = json.loads(capfd.readouterr().out)
    assert (shown["event_id"], shown["status"]) == (event, "paused")
    assert stage.ledger() == {}


def test_the_switches_are_read_once_in_a_while_however_many_batches_ask(stage: Stage) -> None:
    switches = Switches(stage.settings, fresh_seconds=3_600)
    hold(stage)
    assert switches.find(GRANTED) is not None
    stage.execute("DELETE FROM fanout.switches")
    assert switches.find(GRANTED) is not None
    # Control: a new read returns another answer.
    switches.forget()
    assert switches.find(GRANTED) is None


def broken(stage: Stage, failures: int = 3) -> Stage:
    return replace(stage, handlers={GRANTED: BrokenHandler()}, breaker=Breaker(failures=failures))


def test_a_type_that_fails_for_one_cause_is_held_back_by_its_breaker(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    failing = broken(stage)
    dead = [granted(stage) for _ in range(3)]
    with caplog.at_level(logging.WARNING):
        for event in dead[:2]:
            failing.deliver(event)
        assert switch(stage) == []
        failing.deliver(dead[2])
    assert switch(stage) == [(GRANTED, "open", 3)]
    [line] = [each for each in caplog.messages if "breaker" in each]
    assert f"the breaker of {GRANTED} opened: 3 events in a row" in line
    later = granted(stage)
    failing.deliver(later)
    assert stage.ledger() == {**dict.fromkeys(dead, "dead"), later: "paused"}
    assert sweep(failing) == []


def test_one_event_that_comes_again_and_again_opens_nothing(stage: Stage) -> None:
    event = granted(stage)
    for _ in range(4):
        broken(stage).deliver(event)
    assert switch(stage) == []
    # Control: the same number of different events opens it.
    broken(stage).deliver(*(granted(stage) for _ in range(2)))
    assert switch(stage) == [(GRANTED, "open", 3)]


def test_bad_rows_among_good_ones_never_open_it(stage: Stage) -> None:
    picky = replace(stage, handlers={GRANTED: PickyHandler()}, breaker=Breaker(failures=3))
    for _ in range(4):
        bad = [granted(stage, name="another") for _ in range(2)]
        picky.deliver(*bad, granted(stage))
    many = [granted(stage, name="another") for _ in range(5)]
    picky.deliver(*many, granted(stage))
    assert switch(stage) == []
    # Control: without the good event, the breaker opens.
    picky.deliver(*(granted(stage, name="another") for _ in range(3)))
    assert switch(stage) == [(GRANTED, "open", 3)]


def test_rows_that_their_producer_got_wrong_never_open_it(stage: Stage) -> None:
    wrong = [stage.emit(GRANTED, {"affected_user_id": "nobody"}, project_id=P1) for _ in range(5)]
    replace(stage, breaker=Breaker(failures=3)).deliver(*wrong)
    assert set(stage.ledger().values()) == {"dead"}
    assert switch(stage) == []


def test_after_its_time_one_event_is_tried_and_closes_it_when_it_is_completed(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    failing = broken(stage)
    failing.deliver(*(granted(stage) for _ in range(3)))
    waiting = [granted(stage) for _ in range(3)]
    switches_of(stage.settings).forget()
    failing.deliver(*waiting)
    cool_off(stage)
    with caplog.at_level(logging.WARNING):
        assert sweep(stage) == waiting
    states = [stage.ledger()[event] for event in waiting]
    assert sorted(states) == ["completed", "paused", "paused"]
    assert switch(stage) == []
    assert any("closed: an event was completed" in each for each in caplog.messages)
    sweep(stage)
    assert [stage.ledger()[event] for event in waiting] == ["completed"] * 3


def test_if_that_one_fails_too_it_is_open_for_twice_as_long(stage: Stage) -> None:
    left = "SELECT round(extract(epoch FROM until - now()) / 60) FROM fanout.switches"
    failing = broken(stage)
    failing.deliver(*(granted(stage) for _ in range(3)))
    waiting = [granted(stage) for _ in range(3)]
    for minutes in (10, 20, 40, 60):
        assert stage.rows(left) != [(minutes,)]
        cool_off(stage)
        failing.deliver(*waiting)
        assert stage.rows(left) == [(minutes,)]
        waiting = [event for event in waiting if stage.ledger()[event] == "paused"]
        waiting.append(granted(stage))
    assert switch(stage) == [(GRANTED, "open", 7)]


def test_what_a_person_paused_is_not_the_breakers_to_close(stage: Stage) -> None:
    failing = broken(stage)
    failing.deliver(*(granted(stage) for _ in range(3)))
    hold(stage)
    cool_off(stage)
    event = granted(stage)
    stage.deliver(event)
    assert stage.ledger()[event] == "paused"
    assert [row[:2] for row in switch(stage)] == [(GRANTED, "paused")]
    let_go(stage)
    stage.deliver(event)
    assert stage.ledger()[event] == "completed"
