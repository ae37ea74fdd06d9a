"""Rules for events of every type, shown with a granted access."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final
from uuid import UUID

import pytest

from pipeline.domain.identifiers import EventType
from pipeline.fanout.effects import Effect
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person
from pipeline.fanout.handlers.project_access_granted import (
    ProjectAccessGranted,
    ProjectAccessGrantedHandler,
)
from tests.golden.picture import picture
from tests.golden.stage import Stage
from tests.golden.world import P1, U1, U4

GRANTED: Final = EventType("project_access_granted")


class BrokenHandler(ProjectAccessGrantedHandler):
    """Fails while it decides for a person, after it has returned half of the effects."""

    def decide(
        self, event: Event[ProjectAccessGranted], person: Person, facts: Facts
    ) -> Iterable[Effect]:
        yield next(iter(super().decide(event, person, facts)))
        raise LookupError


def granted(stage: Stage, person: UUID = U4) -> int:
    payload = {"affected_user_id": str(person), "project_name": "Tower"}
    return stage.emit(GRANTED, payload, actor_id=U1, project_id=P1)


def test_g54_the_ledger_says_what_an_event_came_to(stage: Stage) -> None:
    event = granted(stage)
    stage.deliver(event)
    assert stage.rows(
        "SELECT event_id, event_type, processing_status, notifications, emails, skipped,"
        " completed_at >= event_created_at FROM notification_processing"
    ) == [(event, GRANTED, "completed", 1, 1, 0, True)]


def test_g56_an_event_of_an_unknown_type_is_recorded_as_unrouted(stage: Stage) -> None:
    event = stage.emit("report_ready", {"report": "sensitivity"}, project_id=P1)
    stage.deliver(event)
    assert stage.ledger() == {event: "unrouted"}
    assert (stage.notifications(), stage.emails()) == ([], [])


def test_g57_of_two_workers_with_one_event_exactly_one_writes(stage: Stage) -> None:
    event = granted(stage)
    with ThreadPoolExecutor(2) as workers:
        list(workers.map(stage.deliver, (event, event)))
    assert (len(stage.notifications()), len(stage.emails())) == (1, 1)
    assert stage.ledger() == {event: "completed"}


def test_g58_what_a_handler_failed_on_is_completed_once_it_is_fixed(stage: Stage) -> None:
    event = granted(stage)
    replace(stage, handlers={GRANTED: BrokenHandler()}).deliver(event)
    assert stage.ledger() == {event: "dead"}
    [(attempts, reason)] = stage.rows(
        "SELECT retry_count, error_message FROM notification_processing"
    )
    assert attempts == 1
    assert reason.startswith("BrokenHandler raised ")
    assert (stage.notifications(), stage.emails()) == ([], [])
    stage.deliver(event)
    assert stage.ledger() == {event: "completed"}
    assert (len(stage.notifications()), len(stage.emails())) == (1, 1)


def test_g59_what_a_handler_always_fails_on_is_one_dead_letter(stage: Stage) -> None:
    event = granted(stage)
    broken = replace(stage, handlers={GRANTED: BrokenHandler()})
    broken.deliver(event)
    broken.deliver(event)
    assert stage.rows("SELECT event_id, error_class, attempt FROM event_dead_letters") == [
        (event, "HandlerFailed", 2)
    ]
    assert stage.ledger() == {event: "dead"}


@pytest.mark.parametrize("status", ["pending", "processing", "failed"])
def test_g60_what_another_worker_left_unfinished_is_completed(stage: Stage, status: str) -> None:
    event = granted(stage)
    stage.execute(
        "INSERT INTO notification_processing (event_id, processing_status, claimed_at)"
        " VALUES (%s, %s, now())",
        event,
        status,
    )
    stage.deliver(event)
    assert stage.ledger() == {event: "completed"}
    assert (len(stage.notifications()), len(stage.emails())) == (1, 1)


def test_g61_a_dry_run_writes_nothing_and_takes_nothing_away(stage: Stage) -> None:
    events = [granted(stage) for _ in range(3)]
    before = picture(stage)
    replace(stage, dry_run=True).deliver(*events)
    assert picture(stage) == before
    stage.deliver(*events)
    assert [row.event for row in stage.notifications()] == events
